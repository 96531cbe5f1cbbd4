package dev.nudge.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Goldens;
import dev.nudge.generate.Scoring;
import dev.nudge.machine.Machine;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.PreviewSettings;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.ScoreSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BaseLookTest {
  private static final Path MODEL = Goldens.MODEL;

  @TempDir Path folder;

  private PreviewSettings settings(String rows) throws IOException {
    Path file = Files.writeString(folder.resolve("rows.jsonl"), rows);
    return PreviewSettings.of(MODEL, file).withCompute(Compute.FP32).withThreads(1);
  }

  @Test
  void bitsAByteAreThoseOfAllTokensButTheFirst() throws IOException {
    StringBuilder rows = new StringBuilder();
    StringBuilder texts = new StringBuilder();
    for (int i = 0; i < 9; i++) {
      rows.append("{\"prompt\": \"the pump %d\", \"completion\": \" leaks\"}\n".formatted(i));
      texts.append("{\"prompt\": \"t\", \"completion\": \"he pump %d leaks\"}\n".formatted(i));
    }
    PreviewSettings settings = settings(rows.toString());
    Machine machine = Machine.here();
    BaseLook look = BaseLook.of(settings, 9, machine, warning -> {});
    assertThat(look.asked()).isEqualTo(6); // three are in front of them
    assertThat(look.exact()).isZero();
    assertThat(look.toString()).startsWith("0 of 6 rows to the letter, with 3 solved ones");
    Path file = Files.writeString(folder.resolve("texts.jsonl"), texts);
    ScoreSettings score = ScoreSettings.of(MODEL, file).withCompute(Compute.FP32).withThreads(1);
    Scoring.Summary ended = Scoring.score(score, machine, row -> {}, warning -> {});
    double bits = -ended.logprob() / Math.log(2) / (9 * "the pump 0 leaks".length());
    // score counts the end token too, one of so many; a token of random weights is about as likely
    // as another
    double tokens = (double) ended.tokens() / 9;
    assertThat(look.bitsAByte()).isCloseTo(bits * (tokens - 1) / tokens, within(0.05 * bits));
  }

  @Test
  void adviceStandsWhereTheBaseAnswersOrTheTextIsFar() {
    assertThat(new BaseLook(20, 9, 1.2).advice()).isEmpty();
    assertThat(new BaseLook(20, 10, 1.2).advice())
        .singleElement()
        .asString()
        .contains("the base answers 10 of 20 rows");
    assertThat(new BaseLook(4, 4, 1.2).advice()).isEmpty(); // too few to say so
    assertThat(new BaseLook(0, 0, 2.74).advice())
        .singleElement()
        .asString()
        .contains("2.7 bits a byte")
        .contains("--method full");
    assertThat(new BaseLook(0, 0, 2.74)).hasToString("2.74 bits a byte");
  }

  @Test
  void conversationsCannotBeAsked() throws IOException {
    PreviewSettings settings =
        settings("{\"messages\": [{\"role\": \"assistant\", \"content\": \"y\"}]}\n");
    assertThatThrownBy(() -> BaseLook.of(settings, 9, Machine.here(), warning -> {}))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--ask-base");
  }
}
