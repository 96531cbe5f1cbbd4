package dev.nudge.cli.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.cli.console.ProgressLine;
import dev.nudge.train.events.TrainEvent;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// What a sweep shows while it trains.
class SweepBoardTest {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private long now = 1;

  private SweepBoard board(ProgressLine.Style style) {
    return new SweepBoard(new PrintStream(bytes, true, StandardCharsets.UTF_8), style, () -> now);
  }

  private static TrainEvent.Step step(int step) {
    return new TrainEvent.Step(
        step, 12, 3.0 - step, 2e-4, 1.5, 2048, 1000, 50, 1024, 2048, Map.of());
  }

  private static TrainEvent.Evaluated held(int step, double loss) {
    return new TrainEvent.Evaluated(step, loss, 100, true, 1);
  }

  /// What a terminal shows: the board goes up over the lines it drew and erases below.
  private List<String> screen() {
    List<String> lines = new ArrayList<>();
    for (String piece : bytes.toString(StandardCharsets.UTF_8).split("(?<=\n|\\[J)")) {
      String text = piece.replaceAll("\u001b\\[\\?7[lh]", "").strip();
      if (text.endsWith("[J")) {
        int up = Integer.parseInt(text.replaceAll(".*\u001b\\[(\\d+)A\u001b\\[J$", "$1"));
        lines.subList(lines.size() - up, lines.size()).clear();
      } else {
        lines.add(text);
      }
    }
    return lines;
  }

  @Test
  void aTerminalShowsOneLineASettingRedrawnInPlace() {
    SweepBoard board = board(ProgressLine.Style.LIVE);
    board.line("group 1    2 settings in the same passes");
    board.event("rank=4", step(1));
    now += 1_000_000_000;
    board.event("rank=8", step(1));
    now += 1_000_000_000;
    board.event("rank=4", held(1, 2.5));
    now += 1_000_000_000;
    board.event("rank=8", step(2));
    board.warning("rows are few");
    board.ended("rank=4", "halving at step 1: 2 of 2");
    assertThat(screen())
        .containsExactly(
            "group 1    2 settings in the same passes",
            "nudge: warning: rows are few",
            "rank=4  1/12  loss 2.0000  held out 2.5000 after 1  halving at step 1: 2 of 2",
            "rank=8  2/12  loss 1.0000");
  }

  /// Warnings of planning are told once for all settings, those of a run by its name.
  @Test
  void aWarningOfARunSaysWhose() {
    SweepBoard board = board(ProgressLine.Style.LINES);
    board.event("rank=4", new TrainEvent.Warning("rows are few"));
    board.event("rank=4", new TrainEvent.Started("id", Path.of("out"), 0, 12, 0));
    board.event("rank=4", new TrainEvent.Warning("the disk is full"));
    assertThat(screen()).containsExactly("nudge: warning: rank=4: the disk is full");
  }

  @Test
  void moreSettingsThanFitAreCounted() {
    SweepBoard board = board(ProgressLine.Style.LIVE);
    for (int i = 0; i < 30; i++) {
      now += 1_000_000_000;
      board.event("seed=" + i, step(1));
    }
    assertThat(screen()).hasSize(20).endsWith("seed=18  1/12  loss 2.0000", "and 11 more");
  }

  @Test
  void elsewhereALineStandsAtEachHeldOutLossAndEachEnd() {
    SweepBoard board = board(ProgressLine.Style.LINES);
    board.event("rank=4", step(1));
    board.event("rank=4", step(2));
    board.event("rank=4", held(2, 2.5));
    board.ended("rank=8", "loss is not finite");
    now += 11_000_000_000L;
    board.event("rank=4", step(3));
    assertThat(screen())
        .containsExactly(
            "rank=4  2/12  loss 1.0000  held out 2.5000 after 2",
            "rank=8  loss is not finite",
            "rank=4  3/12  loss 0.0000  held out 2.5000 after 2");
  }

  @Test
  void aQuietSweepSaysOnlyWarnings() {
    SweepBoard board = board(ProgressLine.Style.SILENT);
    board.line("group 1");
    board.event("rank=4", held(2, 2.5));
    board.warning("rows are few");
    assertThat(screen()).containsExactly("nudge: warning: rows are few");
  }
}
