package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import dev.nudge.settings.InputException;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.tensor.Ledger;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What will not fit is said before weights are loaded, with flags that do.
class RefusedRunTest {
  private static final String FITS = "; it fits with ";
  private static final String NONE = "nothing was refused";

  @TempDir private Path temp;

  private TrainSettings settings(String method) throws IOException {
    Path rows = TinyRun.rows(temp.resolve("rows"), 9, 240, 1);
    TrainSettings settings =
        TinyRun.settings(TinyRun.TIED, rows, temp.resolve("out"), "compute", "fp32", "lanes", 2)
            .withBatchSize(8)
            .withEvalData(rows.toString())
            .withSamplePrompt("seal");
    return method.equals("full") ? settings.with("method", "full") : settings.withRank(32);
  }

  @ParameterizedTest
  @ValueSource(strings = {"lora", "full"})
  void eachFlagThatIsNamedIsEnough(String method) throws IOException {
    TrainSettings settings = settings(method);
    List<String> named = new ArrayList<>();
    for (int mib = 100; mib < 200; mib += 2) {
      TrainSettings small = settings.with("memory", mib + "M");
      String refusal = refusal(small);
      if (refusal.equals(NONE)) {
        break;
      }
      assertThat(refusal).contains(FITS);
      String list = refusal.substring(refusal.indexOf(FITS) + FITS.length());
      for (String flags : list.split(", or with ")) {
        named.add(flags);
        assertThatCode(() -> Training.prepare(given(small, flags), TinyRun.MACHINE))
            .as("%d MiB with %s", mib, flags)
            .doesNotThrowAnyException();
      }
    }
    assertThat(named).anyMatch(flags -> flags.startsWith("--memory "));
    assertThat(named.stream().filter(flags -> !flags.startsWith("--memory "))).isNotEmpty();
  }

  @Test
  void aRefusalHasLoadedNothing() throws IOException {
    long before = Ledger.bytes();
    String refusal = refusal(settings("lora").with("memory", "10M"));
    assertThat(refusal)
        .matches("the run needs \\d+ MiB and may use 10 MiB; it fits with .*--memory \\d+MiB");
    assertThat(Ledger.bytes()).isEqualTo(before);
    assertThat(temp.resolve("out")).doesNotExist();
  }

  private static String refusal(TrainSettings settings) {
    try {
      Training.prepare(settings, TinyRun.MACHINE);
      return NONE;
    } catch (InputException e) {
      return String.valueOf(e.getMessage());
    }
  }

  private static TrainSettings given(TrainSettings settings, String flags) {
    TrainSettings changed = settings;
    for (String flag : flags.substring(2).split(" --")) {
      String[] parts = flag.split(" ");
      changed =
          changed.with(
              parts[0].replace('-', '_').toLowerCase(Locale.ROOT),
              parts.length == 1 ? "true" : parts[1]);
    }
    return changed;
  }
}
