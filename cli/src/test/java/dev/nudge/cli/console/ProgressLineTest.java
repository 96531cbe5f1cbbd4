package dev.nudge.cli.console;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.train.events.RunState;
import dev.nudge.train.events.TrainEvent;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ProgressLineTest {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final PrintStream err = new PrintStream(bytes, true, StandardCharsets.UTF_8);
  private long now;

  @Test
  void linesComeFirstLastAtEachTenthAndEveryTenSeconds() {
    ProgressLine progress = new ProgressLine(err, ProgressLine.Style.LINES, () -> now);
    for (int step = 1; step <= 100; step++) {
      now += 100_000_000L;
      progress.accept(step(step, 100, 1.0));
    }
    assertThat(text().lines()).hasSize(11);
    bytes.reset();
    for (int step = 1001; step <= 1020; step++) {
      now += 6_000_000_000L;
      progress.accept(step(step, 100_000, 1.0));
    }
    assertThat(text().lines()).hasSize(10);
  }

  @Test
  void aLineHoldsWhatAPersonWatches() {
    ProgressLine progress = new ProgressLine(err, ProgressLine.Style.LINES, () -> now);
    progress.accept(step(1, 3, 2.5));
    progress.accept(step(2, 3, 1.25));
    progress.accept(step(3, 3, Double.NaN));
    assertThat(text().lines())
        .containsExactly(
            "step 1/3  loss 2.5000 →  lr 2.00e-04  norm 1.500  41 tok/s  2.0 GB",
            "step 2/3  loss 1.2500 ↓  lr 2.00e-04  norm 1.500  41 tok/s  2.0 GB",
            "step 3/3  loss skipped   lr 2.00e-04  norm 1.500  41 tok/s  2.0 GB");
  }

  @Test
  void theTimeLeftLeavesTheFirstStepOut() {
    ProgressLine progress = new ProgressLine(err, ProgressLine.Style.LIVE, () -> now);
    double[] seconds = {900, 30, 10, 20, 20};
    List<String> left = new ArrayList<>();
    for (int i = 0; i < seconds.length; i++) {
      bytes.reset();
      now += 1_000_000_000L;
      progress.accept(
          new TrainEvent.Step(i + 1, 5, 1, 2e-4, 1, 1, 1, seconds[i], 1, Double.NaN, Map.of()));
      left.add(text().replaceFirst("(?s).*tok/s *(.*?)\u001b.*", "$1"));
    }
    assertThat(left).containsExactly("", "", "", "20 s left", "0 s left");
  }

  /// Steps of 2 s that are up to 20 % longer or shorter, a first one of 60 s, a held-out loss of 30
  /// s each 25 steps, and a save of 1 s each 5.
  @Test
  void theTimeLeftSettlesWithinTwentySteps() {
    for (int seed = 0; seed < 20; seed++) {
      Random random = new Random(seed);
      int steps = 400;
      double[] seconds = new double[steps + 1];
      double[] told = new double[steps + 1]; // seconds when the step is told
      bytes.reset();
      now = 0;
      ProgressLine progress = new ProgressLine(err, ProgressLine.Style.LIVE, () -> now);
      progress.accept(new TrainEvent.Started("id", Path.of("o"), 0, steps, steps / 25));
      held(progress, 0, 30);
      String[] lines = new String[steps + 1];
      for (int step = 1; step <= steps; step++) {
        seconds[step] = step == 1 ? 60 : 2 * (0.8 + 0.4 * random.nextDouble());
        now += (long) (seconds[step] * 1e9);
        bytes.reset();
        progress.accept(
            new TrainEvent.Step(
                step, steps, 1, 2e-4, 1, 1000, 1, seconds[step], 1, Double.NaN, Map.of()));
        told[step] = now / 1e9;
        lines[step] = text();
        if (step % 25 == 0) {
          held(progress, step, 30);
        }
        if (step % 5 == 0) {
          now += 1_000_000_000L;
        }
      }
      double end = now / 1e9;
      for (int step = 20; step < steps - 20; step++) {
        String left = lines[step].replaceFirst("(?s).*?([0-9:]+)( s)? left.*", "$1");
        double shown = 0;
        for (String part : left.split(":")) {
          shown = 60 * shown + Integer.parseInt(part);
        }
        double real = end - told[step];
        assertThat(shown).as("seed %d step %d", seed, step).isBetween(0.9 * real, 1.1 * real);
      }
      String rate = lines[20].replaceFirst("(?s).*  ([0-9,]+) tok/s.*", "$1");
      assertThat(Double.parseDouble(rate)).isBetween(450.0, 550.0);
    }
  }

  private void held(ProgressLine progress, int step, int seconds) {
    now += seconds * 1_000_000_000L;
    progress.accept(new TrainEvent.Evaluated(step, 2, 100, false, seconds));
  }

  @Test
  void aSampleIsOneShortLine() {
    ProgressLine progress = new ProgressLine(err, ProgressLine.Style.LINES, () -> now);
    progress.accept(new TrainEvent.Sampled(4, "Query: a\nIntent:", " pay\n\u001b\u0007now"));
    progress.accept(new TrainEvent.Sampled(4, "x".repeat(90) + "end", "y".repeat(90)));
    assertThat(text().lines())
        .containsExactly(
            "step 4  sample \"Query: a Intent:\" -> \"pay now\"",
            "step 4  sample \"…" + "x".repeat(57) + "end\" -> \"" + "y".repeat(60) + "…\"");
  }

  @Test
  void aSignOfDivergenceIsAWarningAndAnEarlyEndIsToldInPlainWords() {
    ProgressLine progress = new ProgressLine(err, ProgressLine.Style.LINES, () -> now);
    progress.accept(new TrainEvent.Diverged(7, TrainEvent.Diverged.Cause.LOSS, "step 7: it rises"));
    progress.accept(
        new TrainEvent.Finished(
            RunState.FINISHED,
            40,
            5000,
            30,
            0.5,
            "3 held-out losses without a new lowest (--patience)"));
    assertThat(text().lines())
        .containsExactly(
            "nudge: warning: step 7: it rises",
            "finished early after 40 steps, for 3 held-out losses without a new lowest"
                + " (--patience), 5,000 trained tokens, 30 s, best held-out loss 0.5000");
  }

  @Test
  void theLiveLineIsRedrawnAndMakesRoomForOtherLines() {
    ProgressLine progress = new ProgressLine(err, ProgressLine.Style.LIVE, () -> now);
    progress.accept(step(1, 3, 2.5));
    progress.accept(new TrainEvent.Evaluated(1, 2.25, 1200, true, 1));
    progress.accept(step(2, 3, 3.5));
    progress.end();
    assertThat(text())
        .startsWith("\r\u001b[K\u001b[?7lstep 1/3")
        .contains("\r\u001b[Kstep 1  held-out loss 2.2500 over 1,200 tokens  best so far\n")
        .contains("loss 3.5000 ↑")
        .endsWith("\u001b[?7h\n");
  }

  @Test
  void theLiveLineIsNotRedrawnTooOften() {
    ProgressLine progress = new ProgressLine(err, ProgressLine.Style.LIVE, () -> now);
    for (int step = 1; step < 1000; step++) {
      now += 1_000_000L;
      progress.accept(step(step, 1000, 1.0));
    }
    assertThat(text().split("\r", -1)).hasSizeBetween(10, 12);
  }

  @Test
  void tokenisingHasABarAndALineThatStaysWhereItTookLong() {
    ProgressLine live = new ProgressLine(err, ProgressLine.Style.LIVE, () -> now);
    live.accept(new TrainEvent.Tokenised(512, 50_000, 0.25, 0.5));
    assertThat(text())
        .contains("tokenising [#####...............] 512 rows, 50,000 tokens, 100,000 tokens/s");
    live.accept(new TrainEvent.Tokenised(2_000, 200_000, 1, 2));
    assertThat(text()).endsWith("\r\u001b[K").doesNotContain("tokenised");
    ProgressLine lines = new ProgressLine(err, ProgressLine.Style.LINES, () -> now);
    bytes.reset();
    lines.accept(new TrainEvent.Tokenised(512, 50_000, 0.25, 0.5));
    assertThat(text()).isEmpty();
    lines.accept(new TrainEvent.Tokenised(20_000, 2_000_000, 1, 4));
    assertThat(text()).isEqualTo("tokenised  20,000 rows, 2,000,000 tokens, 500,000 tokens/s\n");
  }

  @Test
  void scoringAReferenceHasABarAndTimeLeft() {
    ProgressLine live = new ProgressLine(err, ProgressLine.Style.LIVE, () -> now);
    live.accept(new TrainEvent.Referenced(256, 1024, 10));
    assertThat(text())
        .contains("scoring the reference [#####...............] 256 of 1,024  30 s left");
    live.accept(new TrainEvent.Referenced(1024, 1024, 40));
    assertThat(text()).endsWith("\r\u001b[K");
  }

  @Test
  void quietMeansWarningsOnly() {
    ProgressLine progress = new ProgressLine(err, ProgressLine.Style.SILENT, () -> now);
    progress.accept(new TrainEvent.Tokenised(512, 50_000, 0.25, 0.5));
    progress.accept(new TrainEvent.Tokenised(20_000, 2_000_000, 1, 4));
    progress.accept(new TrainEvent.Planned("2 lanes"));
    progress.accept(step(1, 1, 1));
    progress.accept(new TrainEvent.Saved(Path.of("o")));
    progress.accept(new TrainEvent.Warning("look out"));
    progress.accept(new TrainEvent.Finished(RunState.FINISHED, 1, 10, 3, null, null));
    progress.end();
    assertThat(text()).isEqualTo("nudge: warning: look out\n");
  }

  @Test
  void theEndSaysHowTheRunWent() {
    ProgressLine progress = new ProgressLine(err, ProgressLine.Style.LINES, () -> now);
    progress.accept(new TrainEvent.Saved(Path.of("o")));
    progress.accept(new TrainEvent.Finished(RunState.STOPPED, 1200, 50_000, 3725, 0.5, null));
    assertThat(text())
        .isEqualTo(
            "saved o\nstopped after 1,200 steps, 50,000 trained tokens, 1:02:05,"
                + " best held-out loss 0.5000\n");
  }

  @Test
  void aRunThatSavedNothingSaysSoAlsoWhereItIsQuiet() {
    for (ProgressLine.Style style : ProgressLine.Style.values()) {
      bytes.reset();
      ProgressLine progress = new ProgressLine(err, style, () -> now);
      progress.accept(new TrainEvent.Finished(RunState.STOPPED, 0, 0, 1, null, null));
      assertThat(text())
          .isEqualTo("nudge: stopped before an update: nothing was trained and nothing is saved\n");
    }
  }

  private String text() {
    return bytes.toString(StandardCharsets.UTF_8);
  }

  private static TrainEvent step(int step, int steps, double loss) {
    return new TrainEvent.Step(step, steps, loss, 2e-4, 1.5, 2048, 1000, 50, 1024, 2048, Map.of());
  }
}
