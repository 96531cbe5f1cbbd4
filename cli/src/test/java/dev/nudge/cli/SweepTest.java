package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.cli.train.SweepVerb;
import dev.nudge.eval.sweep.Sweep;
import dev.nudge.format.Faults;
import dev.nudge.format.Json;
import dev.nudge.train.events.TrainEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/// Whole sweeps by the command: against `train` alone, by an evaluation, diverged, stopped.
class SweepTest extends SweepCase {
  @Test
  void eachSettingHasTheAdapterThatItHasAlone() throws IOException {
    file(GRID);
    Ran ran = sweep("out", "--json", "--push", "best@candidate", "--registry", "D/registry");
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.err()).contains("group 1    6 settings in the same passes");
    JsonNode board = json("out/leaderboard.json");
    assertThat(Json.parse(ran.out()).path("best")).isEqualTo(board.path("best"));
    List<Double> losses = new ArrayList<>();
    for (JsonNode row : board.path("settings")) {
      String name = row.path("name").asString("");
      String rate = row.path("settings").path("learning_rate").toString();
      String rank = row.path("settings").path("rank").toString();
      losses.add(row.path("eval_loss").asDouble(0));
      Ran alone =
          place.run(
              "train",
              "--model",
              "D/model",
              "--data",
              "D/rows.jsonl",
              "--eval-split",
              "0.25",
              "--compute",
              "fp32",
              "--memory",
              "1G",
              "--threads",
              "2",
              "--steps",
              "12",
              "--batch-size",
              "4",
              "--eval-steps",
              "5",
              "--learning-rate",
              rate,
              "--rank",
              rank,
              "--out",
              "D/alone/" + name,
              "-q");
      assertThat(alone.code()).as(alone.err()).isZero();
      assertThat(place.path("out/" + name + "/adapter_model.safetensors"))
          .hasSameBinaryContentAs(place.path("alone/" + name + "/adapter_model.safetensors"));
      JsonNode run = json("out/" + name + "/run.json");
      assertThat(run.path("state").asString("")).isEqualTo("finished");
      assertThat(run.path("sweep").path("with")).hasSize(5);
    }
    assertThat(losses).hasSize(6).isSorted();
    assertThat(Files.readString(place.path("out/leaderboard.md")))
        .contains("learning_rate=0.01-rank=8");
    assertThat(Files.readString(place.path("out/sweep.svg"))).startsWith("<svg");
    assertTheFilesSayHowFarBehind(board);
    Ran pushed =
        place.run(
            "adapters",
            "export",
            "best@candidate",
            "--out",
            "D/pushed",
            "--registry",
            "D/registry");
    assertThat(pushed.code()).as(pushed.err()).isZero();
    String best = board.at("/settings/0/name").asString("");
    assertThat(board.path("best").asString("")).isEqualTo(best);
    assertThat(place.path("pushed/adapter_model.safetensors"))
        .hasSameBinaryContentAs(place.path("out/" + best + "/adapter_model.safetensors"));
    assertThat(sweep("out").err()).contains("--out D/out holds a sweep; give --resume");
    assertThat(sweep("out", "--resume").code()).isZero();
  }

  /// Each row behind the first is its loss minus the best's; table and curves name each setting.
  private void assertTheFilesSayHowFarBehind(JsonNode board) throws IOException {
    List<String> table = Files.readAllLines(place.path("out/leaderboard.md"));
    String curves = Files.readString(place.path("out/sweep.svg"));
    JsonNode best = board.at("/settings/0");
    for (JsonNode row : board.path("settings")) {
      String name = row.path("name").asString("");
      assertThat(curves).contains(">" + name + " (held out, best: ");
      if (row.equals(best)) {
        assertThat(row.path("difference").isNull()).isTrue();
        continue;
      }
      double behind = row.path("eval_loss").asDouble(0) - best.path("eval_loss").asDouble(9);
      double difference = row.path("difference").asDouble(-1);
      double low = row.at("/interval/0").asDouble(9);
      double high = row.at("/interval/1").asDouble(-9);
      assertThat(difference)
          .as(name)
          .isCloseTo(behind, within(1e-9)) // each is a sum over the rows, in another order
          .isPositive()
          .isStrictlyBetween(low, high);
      String told = String.format(Locale.ROOT, "| %+.4f [%+.4f, %+.4f] |", difference, low, high);
      assertThat(table).anyMatch(line -> line.contains("| " + name + " |") && line.contains(told));
    }
  }

  @Test
  void anEvaluationRanksTheAdapters() throws IOException {
    place.quiz();
    file(
        "grid: {learning_rate: [auto, 5e-2], rank: [4]}",
        "halving: {keep: 0.5, at: [4]}",
        "metric: {task: %s, metric: acc, data_dir: %s, limit: 2}"
            .formatted(place.path("tasks/quiz.yaml"), place.path("data")));
    Ran ran = sweep("out", "--json");
    assertThat(ran.code()).as(ran.err()).isZero();
    JsonNode board = json("out/leaderboard.json");
    assertThat(board.path("metric").asString("")).endsWith("tasks/quiz.yaml acc");
    for (JsonNode row : board.path("settings")) {
      String name = row.path("name").asString("");
      Ran alone = place.evaluate("--adapter", "D/out/" + name, "--out", "D/eval-" + name, "--json");
      assertThat(alone.code()).as(alone.err()).isZero();
      assertThat(row.path("score").asDouble(-1))
          .isEqualTo(Json.parse(alone.out()).at("/results/quiz/acc").asDouble());
      assertThat(row.path("eval_loss").isNumber()).isTrue();
      assertThat(row.path("learning_rate"))
          .isEqualTo(json("out/" + name + "/run.json").at("/settings/learning_rate"));
    }
    assertThat(board.at("/settings/1/difference").asDouble(9))
        .isEqualTo(
            board.at("/settings/1/score").asDouble() - board.at("/settings/0/score").asDouble());
    assertThat(Files.readString(place.path("out/leaderboard.md")))
        .contains("| held-out loss |", "| learning_rate=auto-rank=4 | 2e-3 |");
    assertThat(sweep("out", "--resume", "--json").out()).isEqualTo(ran.out());
    file("grid: {learning_rate: [auto, 5e-2], rank: [4]}", "halving: {keep: 0.5, at: [4]}");
    assertThat(sweep("out", "--resume").err()).contains("its metric is not that of D/sweep.yaml");
  }

  @Test
  void whatDivergesEndsAloneAndGroupsFollowWhatIsShared() throws IOException {
    file(
        "list: [{rank: 4}, {learning_rate: 1e9, name: wild}, {method: full}, {dora: true},"
            + " {quantize: nf4}]");
    Ran ran = sweep("out");
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.err())
        .contains("5 settings in 3 groups")
        .contains("3 settings in the same passes");
    assertThat(ran.out())
        .containsPattern("setting +rate +held-out loss on 6 rows +above the best, 95 % +steps")
        .containsPattern("(?m)^rank=4 +2e-3 +\\d");
    JsonNode last = json("out/leaderboard.json").path("settings").get(4);
    assertThat(last.path("name").asString("")).isEqualTo("wild");
    assertThat(last.path("state").asString("")).isEqualTo("failed");
    assertThat(last.path("ended").asString("")).containsPattern("not finite|its gradient was not");
  }

  /// What ended it is a sign that may pass: told to warn only, it goes on, and is ranked again.
  @Test
  void whatDivergedLeavesItsNeighbourAloneAndIsRevived() throws IOException {
    file("list: [{rank: 4}]");
    assertThat(sweep("alone").code()).isZero();
    StringBuilder harder = new StringBuilder();
    for (int i = 0; i < 180; i++) { // the first are learned at once, the others never
      String completion = i < 30 ? " the the the the" : " " + Integer.toString(i * 7919, 36);
      harder.append("{\"prompt\": \"a\", \"completion\": \"%s\"}%n".formatted(completion));
    }
    place.write("harder.jsonl", harder.toString());
    file(
        "list: [{rank: 4}, {name: wild, data: %s, shuffle: false, learning_rate: 0.02, steps: 30,"
                .formatted(place.path("harder.jsonl"))
            + " warmup: 0, on_divergence: stop}]");
    Ran ran = sweep("out");
    assertThat(ran.code()).as(ran.err()).isZero();
    String adapter = "/rank=4/adapter_model.safetensors";
    assertThat(place.path("out" + adapter)).hasSameBinaryContentAs(place.path("alone" + adapter));
    JsonNode wild = json("out/leaderboard.json").path("settings").get(1);
    String why = wild.path("ended").asString("");
    assertThat(why).contains("above its start for 10 steps").endsWith("(--on-divergence stop)");
    assertThat(json("out/sweep.json").at("/ended/wild/why").asString("")).isEqualTo(why);
    JsonNode noted = json("out/wild/run.json").path("sweep");
    assertThat(noted.path("why").asString("")).isEqualTo(why);
    assertThat(noted.path("ended_step").asInt(0)).isEqualTo(wild.path("steps").asInt(1));
    Ran revived =
        place.run("train", "--resume", "--out", "D/out/wild", "--on-divergence", "warn", "-q");
    assertThat(revived.code()).as(revived.err()).isZero();
    assertThat(sweep("out", "--resume").code()).isZero();
    for (JsonNode row : json("out/leaderboard.json").path("settings")) {
      assertThat(row.path("state").asString("")).isEqualTo("finished");
      assertThat(row.path("ended").isNull()).isTrue();
      assertThat(row.path("steps").asInt(0))
          .isEqualTo(row.path("name").asString("").equals("wild") ? 30 : 12);
    }
    assertThat(json("out/wild/run.json").at("/sweep/why").isNull()).isTrue();
  }

  /// One save is refused: no setting has ended by that, and `--resume` goes on with all.
  @Test
  void whatTheDiskRefusesIsNoSettingsEnd() throws IOException {
    file("list: [{rank: 4}, {rank: 8}]");
    assertThat(sweep("whole").code()).isZero();
    Ran[] ran = new Ran[1];
    Faults.failure(
        (change, path) ->
            change.equals("create") && path.toString().contains("/rank=8/checkpoints"),
        () -> ran[0] = sweep("out"));
    assertThat(ran[0].code()).as(ran[0].err()).isEqualTo(1);
    assertThat(ran[0].err()).contains("refused by the test");
    assertThat(json("out/sweep.json").path("ended")).isEmpty();
    place.edit("sweep.yaml", "memory: 1G", "memory: 2G"); // which may differ
    place.edit("sweep.yaml", "steps: 12", "steps: 13");
    assertThat(sweep("out", "--resume").err()).contains("its base is not that of D/sweep.yaml");
    place.edit("sweep.yaml", "steps: 13", "steps: 12");
    Ran rest = sweep("out", "--resume");
    assertThat(rest.code()).as(rest.err()).isZero();
    assertThat(place.path("out/leaderboard.json"))
        .hasSameBinaryContentAs(place.path("whole/leaderboard.json"));
    for (String name : List.of("rank=4", "rank=8")) {
      String adapter = "/" + name + "/adapter_model.safetensors";
      assertThat(place.path("out" + adapter)).hasSameBinaryContentAs(place.path("whole" + adapter));
    }
  }

  @Test
  void onceItIsStoppedNoOtherGroupIsOpened() throws IOException {
    file("list: [{rank: 4}, {quantize: nf4}]");
    Set<String> seen = ConcurrentHashMap.newKeySet();
    SweepVerb stopping =
        new SweepVerb(
            (settings, document, names, watcher, _) ->
                Library.sweep(
                    settings, document, names, new Seen(watcher, seen), () -> !seen.isEmpty()));
    Ran ran = place.run(List.of(stopping), "sweep", "D/sweep.yaml", "--out", "D/out");
    assertThat(ran.err()).contains("2 settings in 2 groups").contains("--resume goes on");
    assertThat(seen.stream().filter(name -> !name.contains(" "))).hasSize(1);
    assertThat(sweep("out", "--resume").code()).isZero();
  }

  /// Nothing of the steps before a rung is lost if it is stopped while their losses are measured.
  @Test
  void stoppedAtARungItSavesWhatItTrained() throws IOException {
    file("list: [{rank: 4}, {rank: 8}]", "halving: {keep: 0.5, at: [4]}");
    Set<String> seen = ConcurrentHashMap.newKeySet();
    AtomicInteger asked = new AtomicInteger(); // since both were at the rung
    SweepVerb stopping =
        new SweepVerb(
            (settings, document, names, watcher, _) ->
                Library.sweep(
                    settings,
                    document,
                    names,
                    new Seen(watcher, seen),
                    () -> seen.contains("rank=8 4") && asked.incrementAndGet() > 2));
    Ran ran = place.run(List.of(stopping), "sweep", "D/sweep.yaml", "--out", "D/out");
    assertThat(ran.err()).contains("--resume goes on");
    assertThat(json("out/sweep.json").path("rungs")).isEmpty();
    for (String name : List.of("rank=4", "rank=8")) {
      JsonNode run = json("out/" + name + "/run.json");
      assertThat(run.path("state").asString("")).isEqualTo("stopped");
      assertThat(run.path("saved_step").asInt(0)).isEqualTo(4);
    }
    assertThat(sweep("out", "--resume").code()).isZero();
  }

  /// Notes which settings there are events of, and their steps.
  private record Seen(Sweep.Watcher watcher, Set<String> seen) implements Sweep.Watcher {
    @Override
    public void line(String line) {
      watcher.line(line);
    }

    @Override
    public void warning(String line) {
      watcher.warning(line);
    }

    @Override
    public void event(String setting, TrainEvent event) {
      seen.add(setting);
      if (event instanceof TrainEvent.Step step) {
        seen.add(setting + " " + step.step());
      }
      watcher.event(setting, event);
    }

    @Override
    public void ended(String setting, String why) {
      watcher.ended(setting, why);
    }
  }

  @Test
  void theCommandOfASettingIsToldItsEvents() throws IOException {
    assumeTrue(!System.getProperty("os.name", "").toLowerCase(Locale.ROOT).contains("win"));
    Path told = place.path("told");
    file("list: [{rank: 4, on_event: 'echo $NUDGE_EVENT >> %s'}, {rank: 8}]".formatted(told));
    Ran ran = sweep("out");
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.err()).contains("2 settings in the same passes");
    assertThat(Files.readAllLines(told)).contains("started", "finished");
  }

  @Test
  void aDryRunWritesNothing() throws IOException {
    file("random: {count: 3, learning_rate: {log: [1e-5, 1e-3]}, rank: [4, 8]}");
    Ran ran = sweep("out", "--dry-run");
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.out()).contains("3 settings in 1 group");
    assertThat(place.path("out")).doesNotExist();
  }

  @Test
  void promptsAndMixturesAreTriedInTheSamePasses() throws IOException {
    String half = place.path("rows.jsonl") + "=50%";
    file(
        "list: [{name: plain}, {name: asked, prompt: 'Read {prompt}:', completion: '{completion}'},"
            + " {name: half, mixture: ['%s']}]".formatted(half));
    Ran ran = sweep("out");
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.err()).contains("3 settings in 1 group").contains("plain, asked, half");
    assertAsAlone("asked");
    assertAsAlone("half");
  }
}
