package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Seeds;
import dev.nudge.data.Batches;
import dev.nudge.format.Faults;
import dev.nudge.format.Json;
import dev.nudge.format.SafeTensors;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.events.RunResult;
import dev.nudge.train.events.RunState;
import dev.nudge.train.events.TrainEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/// Whole runs on preferences: what they keep, how they go on, and what they refuse.
class PreferenceRunTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/preference");
  private static final Path START = Path.of("src/test/resources/golden/peft/all-linear/adapter");

  @TempDir Path temp;

  private TrainSettings settings(String kind, String out) {
    boolean kto = kind.equals("kto");
    boolean full = kind.endsWith("-full");
    Path rows = GOLDEN.resolve(kto ? "labelled.jsonl" : "pairs.jsonl");
    TrainSettings base =
        TinyRun.settings(
            TinyRun.TIED,
            rows,
            temp.resolve(out),
            "batch_size 4 steps 5 learning_rate 0.01 compute fp32 save_steps 1 keep 2",
            "objective",
            kind.equals("replay") ? "dpo" : full ? kind.split("-")[0] : kind,
            "method",
            full ? "full" : "lora",
            "eval_data",
            rows.toString());
    return switch (kind) {
      case "dpo" -> base.with("init_adapter", START); // which is the reference too
      case "replay" -> base.with("replay", List.of(GOLDEN.resolve("labelled.jsonl").toString()));
      default -> base;
    };
  }

  /// Rows are pairs, not the two sequences of each.
  @Test
  void aMixtureTakesPairs() throws IOException {
    Path few = TinyRun.preferences(temp.resolve("few.jsonl"), 10, 40, 1);
    Path many = TinyRun.preferences(temp.resolve("many.jsonl"), 90, 40, 2);
    TrainSettings settings =
        settings("orpo", "run")
            .with("data", List.of(few.toString(), many.toString()))
            .with("mixture", List.of(few + "=50%"));
    Batches batches = Training.prepare(settings, TinyRun.MACHINE).schedule().batches();
    assertThat(batches.shown(List.of("few", "many")))
        .isEqualTo("few 90 rows of 10 (50.0 %), many 90 rows of 90 (50.0 %)");
    for (int step = 0; step < batches.stepsPerEpoch(); step++) {
      assertThat(IntStream.of(batches.step(step)).allMatch(row -> row < 100)).isTrue();
    }
  }

  @Test
  void aRewardModelBeginsByEvaToo() {
    TrainSettings settings =
        settings("reward", "run").with("init", "eva").with("rank", 2).with("steps", 2);
    run(settings, 2);
    try (SafeTensors saved = SafeTensors.open(temp.resolve("run/adapter_model.safetensors"))) {
      assertThat(saved.names()).anyMatch(name -> name.contains("score"));
    }
    assertThat(Json.read(temp.resolve("run/adapter_config.json")).path("task_type").asString(""))
        .isEqualTo("SEQ_CLS");
  }

  private static RunResult run(TrainSettings settings, int steps) {
    return run(settings, steps, new ArrayList<>());
  }

  /// @param scored receives the progress of scoring the reference
  private static RunResult run(
      TrainSettings settings, int steps, List<TrainEvent.Referenced> scored) {
    int[] made = {0};
    return Training.run(
        Training.prepare(settings, TinyRun.MACHINE),
        event -> {
          made[0] += event instanceof TrainEvent.Step ? 1 : 0;
          if (event instanceof TrainEvent.Referenced rows) {
            scored.add(rows);
          }
        },
        () -> made[0] >= steps);
  }

  /// Metrics without times.
  private static List<Map<String, Object>> metrics(Path out) throws IOException {
    List<Map<String, Object>> lines = new ArrayList<>();
    for (JsonNode line : TinyRun.metrics(out, "step")) {
      Map<String, Object> values = Json.plain(line);
      values.keySet().removeAll(List.of("seconds", "tokens_per_s", "rss_anon_mb"));
      lines.add(values);
    }
    return lines;
  }

  @ParameterizedTest
  @ValueSource(strings = {"dpo", "kto", "orpo", "reward", "replay", "dpo-full", "orpo-full"})
  void aRunThatWasStoppedAndKilledEndsWithTheBytesOfOneThatNeverWas(String kind)
      throws IOException {
    assertThat(run(settings(kind, "whole"), 9).state()).isEqualTo(RunState.FINISHED);
    TrainSettings parts = settings(kind, "parts");
    assertThat(run(parts, 2).state()).isEqualTo(RunState.STOPPED);
    int change = 1 + Seeds.random().nextInt(160);
    assertThat(Faults.met(Faults.Kind.KILLED, change, () -> run(parts, 9))).isTrue();
    assertThat(run(parts, 9).state()).isEqualTo(RunState.FINISHED);
    assertThat(metrics(temp.resolve("parts"))).isEqualTo(metrics(temp.resolve("whole")));
    String weights = kind.endsWith("-full") ? "model.safetensors" : "adapter_model.safetensors";
    assertThat(temp.resolve("parts").resolve(weights))
        .hasSameBinaryContentAs(temp.resolve("whole").resolve(weights));
  }

  @ParameterizedTest
  @ValueSource(strings = {"dpo", "kto", "orpo", "reward", "replay"})
  void lanesChangeNoLossAndHeldOutRowsHaveTheSameFigures(String kind) throws IOException {
    TrainSettings whole =
        settings(kind, "one").with("batch_size", 9).with("shuffle", false).with("lanes", 1);
    run(whole, 9);
    run(whole.with("out", temp.resolve("two")).with("lanes", 2), 9);
    List<JsonNode> one = TinyRun.metrics(temp.resolve("one"), "loss");
    List<JsonNode> two = TinyRun.metrics(temp.resolve("two"), "loss");
    for (int i = 0; i < one.size(); i++) {
      assertThat(two.get(i).path("loss").asDouble())
          .isCloseTo(one.get(i).path("loss").asDouble(), within(2e-4));
    }
    JsonNode before = TinyRun.metrics(temp.resolve("one"), "eval_loss").getFirst();
    for (String key : List.of("loss", "margin", "rewards_chosen")) { // step 1 has the same rows
      assertThat(before.path("eval_" + key).asDouble())
          .as(key)
          .isCloseTo(one.getFirst().path(key).asDouble(), within(1e-6));
    }
    String shown = kind.equals("replay") ? "dpo" : kind;
    assertThat(TinyRun.record(temp.resolve("one")).path("objective").asString("")).isEqualTo(shown);
  }

  @Test
  void aQuantisedBaseIsItsOwnReference() throws IOException {
    run(settings("kto", "nf4").with("quantize", "nf4"), 9);
    JsonNode first = TinyRun.metrics(temp.resolve("nf4"), "loss").getFirst();
    assertThat(first.path("loss").asDouble()).isCloseTo(0.5, within(1e-6));
    assertThat(first.path("kl").asDouble()).isCloseTo(0, within(1e-5));
  }

  @Test
  void theReferenceIsKeptAndNotMadeAgain() throws IOException {
    TrainSettings settings = settings("kto", "run");
    List<TrainEvent.Referenced> scored = new ArrayList<>();
    run(settings, 2, scored);
    Path file = temp.resolve("run/reference.safetensors");
    byte[] made = Files.readAllBytes(file);
    try (SafeTensors sums = SafeTensors.open(file)) {
      assertThat(sums.names()).containsExactlyInAnyOrder("train", "held", "beside", "held_beside");
      assertThat(sums.entry("train").shape()).containsExactly(9L);
      // steps of 4, 4, 1, 4 and 4 rows, each with as many mismatched sequences
      assertThat(sums.entry("beside").shape()).containsExactly(17L);
      long all = 9 + 17 + 2 * sums.entry("held").shape().getFirst();
      assertThat(scored.getLast().sequences()).isEqualTo(all);
      assertThat(scored).extracting(TrainEvent.Referenced::all).containsOnly(all);
    }
    scored.clear();
    run(settings, 9, scored);
    assertThat(scored).isEmpty();
    assertThat(Files.readAllBytes(file)).isEqualTo(made);
  }

  @Test
  void aRunWhoseReferenceIsGoneDoesNotGoOn() throws IOException {
    TrainSettings settings = settings("dpo", "run");
    run(settings, 2);
    Files.delete(temp.resolve("run/reference.safetensors"));
    assertThatThrownBy(() -> run(settings, 9))
        .isInstanceOf(InputException.class)
        .hasMessageEndingWith(
            "reference.safetensors is missing or of another run; put it back, or --overwrite to"
                + " begin anew");
  }

  @Test
  void aRunGoesOnByItsObjectiveOnly() {
    TrainSettings dpo = settings("dpo", "run");
    run(dpo, 2);
    assertThatThrownBy(() -> Training.finished(dpo.with("loss_type", "ipo")))
        .hasMessageContaining("--loss-type was 'sigmoid' and is 'ipo'");
    assertThatThrownBy(() -> Training.prepare(dpo, TinyRun.MACHINE, event -> {}, new SquaredLoss()))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("its objective is dpo, not dev.nudge.train.SquaredLoss");
  }

  @Test
  void anAdapterWithAScoreHeadIsForRewardsAlone() {
    Path reward = GOLDEN.resolve("reward-adapter");
    assertThatThrownBy(() -> run(settings("dpo", "run").with("init_adapter", reward), 1))
        .hasMessage(
            "--init-adapter %s is a reward model, with a score head; only --objective reward goes on with it"
                .formatted(reward));
    assertThatThrownBy(() -> run(settings("reward", "run").with("init_adapter", START), 1))
        .hasMessage(
            "--init-adapter %s has no score head; leave it out to train a new reward model"
                .formatted(START));
  }

  @Test
  void aModelNobodyHasTrainedYetIsAtItsBase() throws IOException {
    run(settings("replay", "run"), 9);
    List<JsonNode> steps = TinyRun.metrics(temp.resolve("run"), "replay_kl");
    assertThat(steps).hasSize(5);
    assertThat(steps.getFirst().path("replay_kl").asDouble()).isZero();
    assertThat(steps.getLast().path("replay_kl").asDouble()).isPositive();
  }

  @Test
  void replayHoldsAModelNearItsBase() throws IOException {
    run(settings("replay", "held").with("replay_weight", 50).with("batch_size", 9), 9);
    run(settings("replay", "free").with("replay_weight", 1e-6).with("batch_size", 9), 9);
    double held = last("held");
    assertThat(held).isLessThan(0.5 * last("free"));
  }

  private double last(String out) throws IOException {
    return TinyRun.metrics(temp.resolve(out), "replay_kl").getLast().path("replay_kl").asDouble();
  }

  @Test
  void flawsOfPairsAreTold() throws IOException {
    Path rows = temp.resolve("rows.jsonl");
    Files.write(
        rows,
        List.of(
            "{\"prompt\": \"seal\", \"chosen\": \" pump\", \"rejected\": \" pump\"}",
            "{\"prompt\": \"seal\", \"chosen\": \" pump valve\", \"rejected\": \" pump\"}",
            "{\"prompt\": \"seal\", \"chosen\": \" valve\", \"rejected\": \" pump\"}"));
    TrainSettings settings =
        TinyRun.settings(TinyRun.TIED, rows, temp.resolve("o"), "objective", "dpo");
    assertThat(Training.prepare(settings, TinyRun.MACHINE).warnings())
        .contains(
            "1 pair has the same answer as chosen and rejected: nothing is learned from it",
            "1 pair differs in length alone: one answer is the beginning of the other");
  }
}
