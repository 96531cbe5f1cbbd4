package dev.nudge.eval.sweep;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.eval.metric.ExactMatch;
import dev.nudge.eval.run.Aggregation;
import dev.nudge.eval.run.Metric;
import dev.nudge.format.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// How settings are ranked, from the files of their runs.
class LeaderboardTest {
  private static final SweepFile FILE =
      SweepFile.of(
          "sweep.yaml",
          Map.of(
              "base",
              Map.of("model", "M", "data", "rows.jsonl"),
              "list",
              List.of(named("low"), named("high"), named("broken"), named("unbegun"))));

  @TempDir Path out;

  private static Map<String, Object> named(String name) {
    return Map.of("name", name, "rank", 4 + name.length());
  }

  private void run(String name, String state, int steps, double loss) throws IOException {
    Map<String, Object> run =
        Map.of(
            "state",
            state,
            "settings",
            Map.of("learning_rate", 0.0013),
            "totals",
            Map.of("steps", steps, "eval_loss_best", loss, "best_step", steps));
    Path folder = Files.createDirectories(out.resolve(name));
    Files.writeString(folder.resolve("run.json"), Json.line(run));
  }

  private Leaderboard board(@Nullable Metric metric, Map<String, HeldRows> scored)
      throws IOException {
    run("low", "finished", 12, 0.5);
    run("high", "finished", 12, 0.7);
    run("broken", "failed", 5, 0.1);
    return Leaderboard.of(out, FILE, SweepState.begin(out, FILE), metric, scored);
  }

  private static List<String> names(Leaderboard board) {
    return board.rows().stream().map(Leaderboard.Row::name).toList();
  }

  @Test
  void theLowestLossIsFirstAndWhatDidNotFinishLast() throws IOException {
    Leaderboard board = board(null, Map.of());
    assertThat(names(board)).containsExactly("low", "high", "broken", "unbegun");
    assertThat(board.markdown())
        .contains("| 1 | low | 1.3e-3 | 0.5000 | 12 |  | 12 |  |")
        .contains("| 4 | unbegun | - | - | - |  | 0 | none |");
  }

  @Test
  void aHeldOutLossSaysOnHowManyRowsItStands() throws IOException {
    assertThat(board(null, Map.of()).markdown()).contains("# 4 settings by held-out loss");
    new HeldRows(12, List.of("a", "b", "c"), new int[] {1, 2, 1}, new double[] {1, 0.5, 0.5})
        .write(Leaderboard.held(out, "low"));
    Leaderboard board = board(null, Map.of());
    assertThat(board.markdown()).contains("# 4 settings by held-out loss on 3 rows");
    assertThat(Json.tree(board.values()).path("on").asInt(0)).isEqualTo(3);
  }

  @Test
  void aBarInANameEndsNoCell() {
    assertThat(Leaderboard.cell("a|b \\ c\nd")).isEqualTo("a\\|b \\\\ c d");
  }

  @Test
  void nothingIsTheBestWithoutANumber() throws IOException {
    Metric more = new Metric("acc", Aggregation.Kind.MEAN, true, ExactMatch.Options.NONE);
    assertThat(board(more, Map.of()).best()).isNull();
    Map<String, HeldRows> none = Map.of("low", HeldRows.each(new double[] {Double.NaN, 1}));
    Leaderboard board = board(more, none);
    assertThat(board.best()).isNull();
    assertThat(Json.tree(board.values()).at("/settings/0/score").isNull()).isTrue();
    Map<String, HeldRows> one = Map.of("high", HeldRows.each(new double[] {0, 1}));
    assertThat(String.valueOf(board(more, one).values().get("best"))).isEqualTo("high");
  }

  @Test
  void aRungIsWrittenInOneOrder() {
    SweepState state = SweepState.begin(out, FILE);
    Map<String, @Nullable Double> losses = new LinkedHashMap<>();
    losses.put("low", 0.5);
    state.decide(new SweepState.Rung(4, losses), Map.of());
    Leaderboard board = Leaderboard.of(out, FILE, state, null, Map.of());
    assertThat(Json.line(board.values()))
        .endsWith("\"halving\":[{\"at\":4,\"losses\":{\"low\":0.5}}]}");
  }

  @Test
  void aMetricRanksByWhatIsBetter() throws IOException {
    Map<String, HeldRows> scored =
        Map.of(
            "low", HeldRows.each(new double[] {0, 1, 0, 0}),
            "high", HeldRows.each(new double[] {1, 1, 0, 1}));
    Metric more = new Metric("acc", Aggregation.Kind.MEAN, true, ExactMatch.Options.NONE);
    Leaderboard high = board(more, scored);
    assertThat(names(high)).startsWith("high", "low");
    assertSecond(high, -0.5, -1.418693116, 0.418693116);
    assertThat(high.markdown())
        .contains("| 1 | high | 1.3e-3 | 0.7500 | 12 |  | 12 |  |")
        .contains("| 2 | low | 1.3e-3 | 0.2500 | 12 | -0.5000 [-1.4187, +0.4187] | 12 |  |");
    Metric less = new Metric("ter", Aggregation.Kind.MEAN, false, ExactMatch.Options.NONE);
    Leaderboard low = board(less, scored);
    assertThat(names(low)).startsWith("low", "high");
    assertSecond(low, 0.5, -0.418693116, 1.418693116);
    assertThat(low.markdown())
        .contains("| 2 | high | 1.3e-3 | 0.7500 | 12 | +0.5000 [-0.4187, +1.4187] | 12 |  |");
  }

  /// How far the second is from the best. By R: `d <- c(-1, 0, 0, -1); mean(d) + c(-1, 1) *
  /// qt(.975, 3) * sd(d) / 2`.
  private static void assertSecond(Leaderboard board, double value, double low, double high) {
    JsonNode second = Json.tree(board.values()).at("/settings/1");
    assertThat(second.path("difference").asDouble(9)).isEqualTo(value);
    assertThat(second.at("/interval/0").asDouble(9)).isCloseTo(low, within(1e-8));
    assertThat(second.at("/interval/1").asDouble(9)).isCloseTo(high, within(1e-8));
  }
}
