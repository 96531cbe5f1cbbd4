package dev.nudge.cli.judge;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.LiveLine;
import dev.nudge.cli.console.ProgressLine;
import dev.nudge.cli.console.Results;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Draws how far an evaluation is, by a clock that is made up.
class EvalProgressTest {
  private static final long SECOND = 1_000_000_000L;

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final PrintStream err = new PrintStream(bytes, true, StandardCharsets.UTF_8);
  private long now;

  private EvalProgress progress(ProgressLine.Style style) {
    LiveLine line = new LiveLine(err, style, () -> now, "");
    Console console =
        new Console(new Results(new ByteArrayOutputStream()), err, false, false, false, false);
    return new EvalProgress(line, console, () -> now);
  }

  private List<String> lines() {
    List<String> lines = bytes.toString(StandardCharsets.UTF_8).lines().toList();
    bytes.reset();
    return lines;
  }

  @Test
  void theTimeLeftIsThatOfTheRestAtTheRateSinceTheFirstAnswer() {
    EvalProgress progress = progress(ProgressLine.Style.LINES);
    now = 100 * SECOND; // of loading, which tells nothing of the rate
    progress.progress(1_000, 5_000, "quiz", "base");
    now += SECOND;
    progress.progress(1_500, 5_000, "quiz", "base"); // too early to tell
    now += 3 * SECOND;
    progress.progress(2_000, 5_000, "say", "adapter"); // 1,000 in 4 s
    now += 6 * SECOND;
    progress.progress(3_000, 5_000, "say", "adapter"); // 2,000 in 10 s
    now += SECOND;
    progress.progress(5_000, 5_000, "say", "adapter");
    assertThat(lines())
        .containsExactly(
            "[####................] 1,000/5,000 tokens  quiz, base",
            "[######..............] 1,500/5,000 tokens  quiz, base",
            "[########............] 2,000/5,000 tokens  say, adapter  12 s left",
            "[############........] 3,000/5,000 tokens  say, adapter  10 s left",
            "[####################] 5,000/5,000 tokens  say, adapter  0 s left");
  }

  @Test
  void aLongRestIsToldInMinutesAndHours() {
    EvalProgress progress = progress(ProgressLine.Style.LINES);
    progress.progress(0, 1_000_000, "quiz", "base");
    now += 10 * SECOND;
    progress.progress(100, 1_000_000, "quiz", "base"); // ten a second
    assertThat(lines())
        .containsExactly("[....................] 100/1,000,000 tokens  quiz, base  27:46:30 left");
  }

  @Test
  void verdictsHaveAClockOfTheirOwn() {
    EvalProgress progress = progress(ProgressLine.Style.LINES);
    progress.progress(0, 100, "say", "adapter");
    now += 10 * SECOND;
    progress.progress(100, 100, "say", "adapter");
    lines();
    now += 50 * SECOND; // of loading the judge
    progress.judging(10, 40, "say");
    now += 5 * SECOND;
    progress.judging(20, 40, "say"); // two a second
    assertThat(lines())
        .containsExactly(
            "[#####...............] 10/40 verdicts  say",
            "[##########..........] 20/40 verdicts  say  10 s left");
  }

  @Test
  void aWarningTakesTheLiveLineAway() {
    EvalProgress progress = progress(ProgressLine.Style.LIVE);
    progress.progress(10, 100, "quiz", "base");
    progress.warn("the metric bleu is left out");
    assertThat(bytes.toString(StandardCharsets.UTF_8))
        .contains("10/100 tokens  quiz, base")
        .endsWith("\r\u001b[Knudge: warning: the metric bleu is left out" + System.lineSeparator());
  }
}
