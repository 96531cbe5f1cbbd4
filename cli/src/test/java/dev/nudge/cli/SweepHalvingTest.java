package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.ChildJvm;
import dev.nudge.format.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/// Sweeps that end the worst early: which they are, taken on by `train`, killed around a rung.
class SweepHalvingTest extends SweepCase {
  private static final String HALVING = "halving: {keep: 0.5, at: [4, 8]}";

  @Test
  void theWorstAreEndedAndSayWhy() throws IOException {
    file(GRID, HALVING);
    Ran ran = sweep("out");
    assertThat(ran.code()).as(ran.err()).isZero();
    JsonNode board = json("out/leaderboard.json");
    List<Integer> steps = new ArrayList<>();
    board.path("settings").forEach(row -> steps.add(row.path("steps").asInt(0)));
    assertThat(steps).containsExactly(12, 12, 8, 4, 4, 4);
    for (int i = 2; i < 6; i++) {
      JsonNode row = board.path("settings").get(i);
      assertThat(row.path("ended").asString("")).startsWith("halving at step " + steps.get(i));
      JsonNode run = json("out/" + row.path("name").asString("") + "/run.json");
      assertThat(run.path("sweep").path("ended_step").asInt(0)).isEqualTo(steps.get(i));
      assertThat(run.path("state").asString("")).isEqualTo("stopped");
    }
    assertThat(json("out/sweep.json").path("rungs")).hasSize(2);
    assertTheWorstEnded();
    String ended = board.path("settings").get(5).path("name").asString("");
    assertRunsHasThem(board, ended);
    Ran revived = place.run("train", "--resume", "--out", "D/out/" + ended, "-q");
    assertThat(revived.code()).as(revived.err()).isZero();
    assertThat(json("out/" + ended + "/run.json").path("state").asString("")).isEqualTo("finished");
    assertAsAlone(ended);
    assertThat(sweep("out", "--resume").code()).isZero();
    JsonNode after = json("out/leaderboard.json").path("settings");
    assertThat(after).hasSize(6);
    for (JsonNode row : after) {
      String name = row.path("name").asString("");
      JsonNode was = row(board, name);
      if (name.equals(ended)) {
        assertThat(row.path("state").asString("")).isEqualTo("finished");
        assertThat(row.path("ended").isNull()).isTrue();
        assertThat(row.path("steps").asInt(0)).isEqualTo(12);
        assertThat(row.path("eval_step").asInt(0)).isGreaterThan(4);
        assertThat(row.path("difference").isNull()).isTrue(); // its rows' losses are of step 4
      } else {
        for (String key : List.of("state", "ended", "steps", "eval_loss")) {
          assertThat(row.path(key)).as(name + " " + key).isEqualTo(was.path(key));
        }
        assertThat(json("out/" + name + "/run.json").at("/totals/steps").asInt(0))
            .isEqualTo(was.path("steps").asInt(1));
      }
    }
  }

  private static JsonNode row(JsonNode board, String name) {
    return board
        .path("settings")
        .valueStream()
        .filter(row -> row.path("name").asString("").equals(name))
        .findFirst()
        .orElseThrow();
  }

  /// At each rung the losses of those that went on are the lowest.
  private void assertTheWorstEnded() {
    JsonNode sweep = json("out/sweep.json");
    for (JsonNode rung : sweep.path("rungs")) {
      List<Double> on = new ArrayList<>();
      List<Double> over = new ArrayList<>();
      for (Map.Entry<String, JsonNode> one : rung.path("losses").properties()) {
        JsonNode end = sweep.path("ended").path(one.getKey());
        boolean here = end.path("step").asInt(0) == rung.path("at").asInt(1);
        assertThat(one.getValue().isNumber()).as(one.getKey()).isTrue();
        (here ? over : on).add(one.getValue().asDouble(0));
      }
      assertThat(on).isNotEmpty();
      assertThat(over).isNotEmpty();
      double worst = Collections.max(on);
      assertThat(over).allMatch(loss -> loss >= worst).anyMatch(loss -> loss > worst);
    }
  }

  /// A setting is a run as any other: `runs` lists it and shows it by its name.
  private void assertRunsHasThem(JsonNode board, String ended) {
    Ran listed = place.run("runs", "list", "--runs", "D/out", "--json");
    assertThat(listed.code()).as(listed.err()).isZero();
    assertThat(nameAndState(Json.parse(listed.out()).path("runs")))
        .containsExactlyInAnyOrderElementsOf(nameAndState(board.path("settings")));
    assertThat(place.run("runs", "list", "--runs", "D/out").out()).contains(ended);
    Ran shown = place.run("runs", "show", ended, "--runs", "D/out");
    assertThat(shown.code()).as(shown.err()).isZero();
    assertThat(shown.out())
        .contains(ended)
        .containsPattern("(?m)^state +stopped$")
        .containsPattern("(?m)^steps +4/12$");
  }

  private static List<String> nameAndState(JsonNode runs) {
    return runs.valueStream()
        .map(run -> run.path("name").asString("") + " " + run.path("state").asString(""))
        .toList();
  }

  @Test
  void groupsThatTakeTurnsAreComparedAtARung() throws IOException {
    file(
        "list: [{rank: 4}, {rank: 8}, {quantize: nf4}, {rank: 4, quantize: nf4}]",
        "halving: {keep: 0.5, at: [4]}");
    place.edit("sweep.yaml", "eval_steps: 5", "eval_steps: 4"); // at the rung too
    Ran ran = sweep("out");
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.err()).contains("4 settings in 2 groups");
    JsonNode board = json("out/leaderboard.json");
    List<Integer> steps = new ArrayList<>();
    board.path("settings").forEach(row -> steps.add(row.path("steps").asInt(0)));
    assertThat(steps).containsExactly(12, 12, 4, 4);
    assertThat(board.at("/settings/3/ended").asString("")).startsWith("halving at step 4");
    JsonNode noted = json("out/" + board.at("/settings/1/name").asString("") + "/run.json");
    assertThat(noted.at("/sweep/group").asInt(0)).isPositive();
    assertTheWorstEnded();
    JsonNode losses = json("out/sweep.json").at("/rungs/0/losses");
    assertThat(losses).hasSize(4);
    for (Map.Entry<String, JsonNode> one : losses.properties()) {
      assertThat(one.getValue().asDouble(Double.NaN))
          .as(one.getKey())
          .isCloseTo(logged(one.getKey(), 4), within(1e-12)); // one of the sums is compensated
    }
    assertAsAlone(board.path("best").asString(""));
  }

  /// The held-out loss that a setting's own log has at a step.
  private double logged(String name, int step) throws IOException {
    return Files.readAllLines(place.path("out/" + name + "/metrics.jsonl")).stream()
        .map(Json::parse)
        .filter(row -> row.has("eval_loss") && row.path("step").asInt(0) == step)
        .mapToDouble(row -> row.path("eval_loss").asDouble(Double.NaN))
        .findFirst()
        .orElseThrow();
  }

  /// Once before the first rung, and once behind it, when some are ended and the others go on.
  @Test
  void oneThatWasKilledGoesOnToTheSameBytes() throws Exception {
    assumeTrue(!System.getProperty("os.name", "").toLowerCase(Locale.ROOT).contains("win"));
    file("grid: {learning_rate: [1e-3, 1e-4, 1e-2], dora: [false, true]}", HALVING);
    assertThat(sweep("whole").code()).isZero();
    Path saved = place.path("out/learning_rate=0.01-dora=true/checkpoints");
    kill(() -> hasSome(saved));
    Path decided = place.path("out/sweep.json");
    kill(() -> !Json.readOrMissing(decided).path("ended").isEmpty(), "--resume");
    assertThat(json("out/sweep.json").path("rungs")).isNotEmpty();
    assertThat(json("out/sweep.json").path("ended")).isNotEmpty();
    assertThat(place.path("out/leaderboard.json")).doesNotExist();
    Ran ran = sweep("out", "--resume");
    assertThat(ran.code()).as(ran.err()).isZero();
    for (String file : List.of("leaderboard.json", "leaderboard.md", "sweep.json", "sweep.svg")) {
      assertThat(place.path("out/" + file)).hasSameBinaryContentAs(place.path("whole/" + file));
    }
    for (JsonNode row : json("whole/leaderboard.json").path("settings")) {
      String adapter = "/" + row.path("name").asString("") + "/adapter_model.safetensors";
      assertThat(place.path("out" + adapter)).hasSameBinaryContentAs(place.path("whole" + adapter));
    }
  }

  /// Makes the sweep in a process of its own, which is killed as soon as something is so.
  private void kill(Callable<Boolean> due, String... more) throws Exception {
    List<String> line =
        new ArrayList<>(
            List.of(
                "sweep",
                place.path("sweep.yaml").toString(),
                "--out",
                place.path("out").toString()));
    line.addAll(List.of(more));
    Path log = place.path("log");
    Process process =
        new ProcessBuilder(ChildJvm.command(ChildJvm.FLAGS, Main.class.getName(), line.toArray()))
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    while (process.isAlive() && !due.call()) {
      Thread.onSpinWait();
    }
    process.destroyForcibly();
    process.waitFor();
    assertThat(process.exitValue()).as(Files.readString(log)).isEqualTo(137); // it was not done
  }

  private static boolean hasSome(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return false;
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.anyMatch(file -> !String.valueOf(file.getFileName()).startsWith("."));
    }
  }
}
