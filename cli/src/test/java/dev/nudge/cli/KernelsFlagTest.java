package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.cli.console.Flags;
import dev.nudge.kernel.Kernels;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// `--kernels`, which every verb has.
class KernelsFlagTest {
  private final Kernels.Choice before = Kernels.chosen();

  @AfterEach
  void asBefore() {
    Kernels.choose(before);
  }

  private static String said(int code, String... line) {
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    int got =
        Main.run(
            line,
            new PrintStream(out, true, StandardCharsets.UTF_8),
            new PrintStream(err, true, StandardCharsets.UTF_8));
    assertThat(got).isEqualTo(code);
    return out.toString(StandardCharsets.UTF_8) + err.toString(StandardCharsets.UTF_8);
  }

  @Test
  void itsValuesAreTheChoicesOfTheLibrary() {
    assertThat(Flags.KERNELS_VALUES)
        .containsExactlyElementsOf(
            Arrays.stream(Kernels.Choice.values())
                .map(choice -> choice.name().toLowerCase(Locale.ROOT))
                .toList());
  }

  @Test
  void anotherValueIsRefused() {
    assertThat(said(2, "doctor", "--kernels", "fast"))
        .isEqualTo("nudge: --kernels is 'fast'; it must be one of auto, vector, plain\n");
  }

  @Test
  void plainKernelsAreUsedFromThereOn() {
    said(2, "score", "--kernels", "plain", "--model", "nowhere", "--data", "nowhere");
    assertThat(Kernels.fastest().name()).isEqualTo(Kernels.PLAIN);
  }
}
