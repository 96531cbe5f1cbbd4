package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.align.RewardJar;
import dev.nudge.format.Json;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.train.LossType;
import dev.nudge.settings.train.ScaleRewards;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.events.RunResult;
import dev.nudge.train.events.RunState;
import dev.nudge.train.events.TrainEvent;
import dev.nudge.train.objective.GroupRelative;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/// Whole runs on groups of completions, given and sampled: what they keep and how they go on.
class GroupRunTest {
  private static final Path JUDGE = Path.of("src/test/resources/golden/preference/reward-adapter");

  @TempDir Path temp;

  private TrainSettings settings(String kind, String out) throws IOException {
    boolean mixture = kind.contains("mixture");
    TrainSettings base =
        TinyRun.settings(
            mixture ? TinyRun.experts(temp.resolve("model")) : TinyRun.TIED,
            kind.startsWith("sampled") ? prompts() : GroupGoldenTest.GOLDEN.resolve("groups.jsonl"),
            temp.resolve(out),
            "objective grpo batch_size 3 steps 6 learning_rate 0.02 compute fp32 beta 0.05"
                + " keep 3",
            "save_steps",
            kind.endsWith("twice") ? 2 : 1,
            "iterations",
            kind.endsWith("twice") ? 2 : 1);
    if (kind.endsWith("nf4")) {
      base = base.with("quantize", "nf4");
    }
    if (kind.endsWith("start")) {
      base = base.with("init_adapter", GroupGoldenTest.START);
    }
    return kind.startsWith("sampled")
        ? base.withGenerations(4).withMaxCompletion(7).withReward("regex:/[aeiou]/i", "length:5=.5")
        : mixture ? base : base.with("init_adapter", GroupGoldenTest.START);
  }

  private Path prompts() throws IOException {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 7; i++) {
      lines.add(Json.line(Map.of("prompt", "seal pump " + i + " :", "answer", i)));
    }
    return Files.write(temp.resolve("prompts.jsonl"), lines);
  }

  /// Metrics without times.
  private List<Map<String, Object>> metrics(String out) throws IOException {
    List<Map<String, Object>> lines = new ArrayList<>();
    for (JsonNode line : TinyRun.metrics(temp.resolve(out), "step")) {
      Map<String, Object> values = new TreeMap<>(Json.plain(line));
      values.keySet().removeAll(List.of("seconds", "tokens_per_s", "rss_anon_mb"));
      lines.add(values);
    }
    return lines;
  }

  private List<JsonNode> samples(String out) throws IOException {
    return Files.readAllLines(temp.resolve(out).resolve("samples.jsonl")).stream()
        .map(Json::parse)
        .toList();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "given",
        "given twice",
        "sampled",
        "sampled twice",
        "sampled nf4",
        "sampled from a start"
      })
  void aRunThatGoesOnEndsWithTheBytesOfOneThatWasNeverStopped(String kind) throws IOException {
    assertThat(TinyRun.run(settings(kind, "whole"), 9).state()).isEqualTo(RunState.FINISHED);
    assertThat(TinyRun.run(settings(kind, "parts"), 3).state()).isEqualTo(RunState.STOPPED);
    assertThat(TinyRun.run(settings(kind, "parts"), 9).state()).isEqualTo(RunState.FINISHED);
    assertThat(metrics("parts")).isEqualTo(metrics("whole"));
    assertThat(temp.resolve("parts/adapter_model.safetensors"))
        .hasSameBinaryContentAs(temp.resolve("whole/adapter_model.safetensors"));
    if (kind.startsWith("sampled")) {
      assertThat(samples("parts")).isEqualTo(samples("whole"));
    }
  }

  /// The loss of held-out groups tells whether better completions became likelier.
  @ParameterizedTest
  @ValueSource(strings = {"dapo", "grpo", "dr_grpo"})
  void heldOutGroupsAreJudgedByTheirRewards(String type) throws IOException {
    TrainSettings settings =
        settings("given", type)
            .with("loss_type", type)
            .with("beta", 0.0)
            .with("eval_data", GroupGoldenTest.GOLDEN.resolve("groups.jsonl").toString())
            .with("eval_steps", 2);
    TinyRun.run(settings, 9);
    List<Double> losses =
        TinyRun.metrics(temp.resolve(type), "eval_loss").stream()
            .map(line -> line.path("eval_loss").asDouble())
            .toList();
    assertThat(losses)
        .hasSize(4)
        .isSortedAccordingTo(Comparator.reverseOrder()); // they are those of training
    assertThat(losses.getLast()).isLessThan(losses.getFirst());
  }

  @Test
  void aBatchIsTakenSoOftenAndItsSamplesAreKept() throws IOException {
    TinyRun.run(settings("sampled twice", "run"), 9);
    List<JsonNode> samples = samples("run");
    assertThat(samples).hasSize(3 * 4 + 3 * 4 + 4); // the third batch of seven prompts has one
    assertThat(samples.stream().map(s -> s.path("step").asInt()).distinct())
        .containsExactly(1, 3, 5);
    assertThat(samples.stream().map(s -> s.path("completion").asString()).distinct().count())
        .isGreaterThan(20);
    JsonNode step = TinyRun.metrics(temp.resolve("run"), "loss").getFirst();
    double mean =
        samples.stream().limit(12).mapToDouble(s -> s.path("reward").asDouble()).sum() / 12;
    assertThat(step.path("reward").asDouble()).isCloseTo(mean, within(1e-12));
    for (JsonNode sample : samples) {
      JsonNode parts = sample.path("rewards");
      double vowel = sample.path("completion").asString().matches("(?is).*[aeiou].*") ? 1 : 0;
      assertThat(parts.path("regex:/[aeiou]/i").asDouble()).isEqualTo(vowel);
      assertThat(sample.path("reward").asDouble())
          .isCloseTo(vowel + 0.5 * parts.path("length:5").asDouble(), within(1e-12));
      assertThat(sample.path("tokens").asInt()).isBetween(1, 7);
    }
    assertThat(TinyRun.record(temp.resolve("run")).path("offline").asBoolean()).isFalse();
  }

  /// What a run with a reference does beside its steps, also where groups tell nothing.
  @ParameterizedTest
  @CsvSource({
    "given twice, none, false",
    "given twice, first and last, false",
    "given twice, all, true",
    "given, first and last, true",
    "given by a mixture twice, first and last, true",
    "sampled twice, none, true",
    "sampled from a start, none, true",
    "sampled from a mixture, none, true",
  })
  void aReferenceIsScoredOnceAndDrawsTheRunToIt(String kind, String constant, boolean held)
      throws IOException {
    Path rows = kind.startsWith("given") ? groups(constant) : prompts();
    TrainSettings settings = settings(kind, "run").with("data", rows.toString()).with("beta", 0.5);
    settings = settings.with("batch_size", 4).with("shuffle", false).with("lanes", 2);
    if (held) {
      settings = settings.with("eval_data", rows.toString()).with("eval_steps", 2);
    }
    List<TrainEvent.Referenced> scored = new ArrayList<>();
    RunResult result =
        Training.run(
            Training.prepare(settings, TinyRun.MACHINE),
            event -> {
              if (event instanceof TrainEvent.Referenced progress) {
                scored.add(progress);
              }
            },
            () -> false);
    assertThat(result.state()).isEqualTo(RunState.FINISHED);
    if (kind.startsWith("given")) {
      assertThat(scored).isNotEmpty().allMatch(s -> s.sequences() <= s.all());
      assertThat(scored.getLast().sequences()).isEqualTo(held ? 32 : 16);
    }
    List<JsonNode> steps = TinyRun.metrics(temp.resolve("run"), "kl");
    assertThat(steps).hasSize(6);
    assertThat(steps.getFirst().path("kl").asDouble()).isEqualTo(0, within(1e-6));
    assertThat(steps).allMatch(step -> step.path("loss").isNumber());
    assertThat(TinyRun.metrics(temp.resolve("run"), "eval_loss"))
        .hasSize(held ? 4 : 0)
        .allMatch(step -> step.path("eval_loss").isNumber());
    if (constant.equals("all")) {
      assertThat(steps).allMatch(step -> step.path("kl").asDouble() < 1e-6);
    } else {
      assertThat(steps.getLast().path("kl").asDouble()).isGreaterThan(1e-6);
    }
  }

  /// Four groups of four completions, some of them empty.
  ///
  /// @param constant which of them have equal rewards
  private Path groups(String constant) throws IOException {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      boolean equal = constant.equals("all") || constant.startsWith("first") && i % 3 == 0;
      List<Double> rewards = equal ? List.of(.5, .5, .5, .5) : List.of(0., 1., .25 * i, -1.);
      List<String> completions = List.of(" leaks over the seal", " valve", "", " pump reads 42");
      lines.add(
          Json.line(
              Map.of(
                  "prompt",
                  "seal pump " + i + " :",
                  "completions",
                  completions,
                  "rewards",
                  rewards,
                  "finished",
                  List.of(true, false, true, true))));
    }
    return Files.write(temp.resolve("groups.jsonl"), lines);
  }

  @Test
  void lanesChangeNoLossOfGivenCompletions() throws IOException {
    TinyRun.run(settings("given twice", "one").with("lanes", 1), 9);
    TinyRun.run(settings("given twice", "two").with("lanes", 2), 9);
    List<Map<String, Object>> one = metrics("one");
    List<Map<String, Object>> two = metrics("two");
    for (int i = 0; i < one.size(); i++) {
      assertThat((Double) two.get(i).get("loss"))
          .isCloseTo((Double) one.get(i).get("loss"), within(2e-4));
    }
    assertThat(TinyRun.record(temp.resolve("one")).path("offline").asBoolean()).isTrue();
  }

  @Test
  void sampledCompletionsAreMeasuredByTheStart() throws IOException {
    TrainSettings start = settings("sampled from a start", "start");
    TinyRun.run(start, 2);
    TinyRun.run(settings("sampled from a start", "base").with("reference", "base"), 1);
    List<JsonNode> steps = TinyRun.metrics(temp.resolve("start"), "kl");
    assertThat(steps.getFirst().path("kl").asDouble()).isEqualTo(0, within(1e-9));
    assertThat(steps.getLast().path("kl").asDouble()).isGreaterThan(1e-5);
    JsonNode first = TinyRun.metrics(temp.resolve("base"), "kl").getFirst();
    assertThat(first.path("kl").asDouble()).isGreaterThan(1e-5);
    assertThat(samples("base").subList(0, 12)).isEqualTo(samples("start").subList(0, 12));
  }

  @ParameterizedTest
  @ValueSource(strings = {"adapter", "json"})
  void whatGivesRewardsStaysTheSame(String kind) throws IOException {
    Path judge = Files.createDirectory(temp.resolve("judge"));
    for (String name : List.of("adapter_config.json", "adapter_model.safetensors")) {
      Files.copy(JUDGE.resolve(name), judge.resolve(name));
    }
    Path schema = Files.writeString(judge.resolve("schema.json"), "{\"type\": \"number\"}");
    Path changed = kind.equals("json") ? schema : judge.resolve("adapter_model.safetensors");
    String reward = kind + ":" + (kind.equals("json") ? schema : judge);
    TrainSettings settings = settings("sampled", "run").withReward(reward, "length:5");
    TinyRun.run(settings, 2);
    byte[] bytes = Files.readAllBytes(changed);
    bytes[bytes.length - 3] ^= 1;
    Files.write(changed, bytes);
    assertThatThrownBy(() -> Training.finished(settings))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--reward holds other data now");
    bytes[bytes.length - 3] ^= 1;
    Files.write(changed, bytes);
    assertThat(Training.finished(settings)).isFalse();
    assertThat(TinyRun.run(settings, 9).state()).isEqualTo(RunState.FINISHED);
  }

  @Test
  void aClassOfAJarGivesRewardsAndStaysTheSame() throws IOException {
    Path jar = RewardJar.of(temp.resolve("jar"), "sample.tokens() + 3", "");
    TrainSettings settings =
        settings("sampled", "run").withReward("own").withRewardJar(jar.toString());
    assertThat(TinyRun.run(settings, 2).state()).isEqualTo(RunState.STOPPED);
    for (JsonNode sample : samples("run")) {
      assertThat(sample.path("reward").asDouble())
          .isEqualTo((sample.path("tokens").asInt() + 3) / 2.0);
    }
    Path moved = Files.move(jar, temp.resolve("moved.jar"));
    assertThat(TinyRun.run(settings.withRewardJar(moved.toString()), 2).state())
        .isEqualTo(RunState.STOPPED);
    assertThat(TinyRun.metrics(temp.resolve("run"), "loss")).hasSize(4); // it went on
    Path other = RewardJar.of(temp.resolve("other"), "1", "");
    assertThatThrownBy(() -> Training.finished(settings.withRewardJar(other.toString())))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--reward-jar holds other data now");
  }

  @ParameterizedTest
  @CsvSource({"sampled, 0", "sampled, 1", "sampled, 2", "sampled nf4, 0"})
  void rewardRisesToItsMostAndThatOfOtherPromptsWithIt(String kind, int seed) throws IOException {
    List<String> others = new ArrayList<>();
    for (int i = 10; i < 30; i++) {
      others.add(Json.line(Map.of("prompt", "valve gauge " + i + " ?")));
    }
    Path held = Files.write(temp.resolve("held.jsonl"), others);
    TrainSettings settings =
        settings(kind, "run")
            .with("steps", 25)
            .with("beta", 0)
            .with("batch_size", 7)
            .with("learning_rate", 5e-3) // at 0.02 two seeds of three stay where they are
            .with("schedule", "constant")
            .with("seed", seed)
            .with("save_steps", 25)
            .with("eval_data", held.toString())
            .with("eval_steps", 25);
    TinyRun.run(settings.withGenerations(8).withReward("regex:/e/"), 99);
    List<JsonNode> steps = TinyRun.metrics(temp.resolve("run"), "loss");
    assertThat(mean(steps.subList(0, 3))).isLessThan(0.6);
    assertThat(mean(steps.subList(22, 25))).isGreaterThan(0.9);
    List<JsonNode> greedy = TinyRun.metrics(temp.resolve("run"), "eval_reward");
    assertThat(greedy.getFirst().path("eval_reward").asDouble()).isLessThan(0.5);
    assertThat(greedy.getLast().path("eval_reward").asDouble()).isGreaterThan(0.8);
  }

  /// Their mean is not exact in binary, and what has no advantage is not trained.
  @ParameterizedTest
  @ValueSource(doubles = {0.1, 0.2, 0.7})
  void equalRewardsTellNothing(double reward) {
    GroupRelative three =
        new GroupRelative(LossType.DAPO, 0, 0.2, ScaleRewards.GROUP, 1, 1, 3, 7, true);
    assertThat(three.advantages(new double[] {reward, reward, reward})).containsOnly(0);
    assertThat(three.advantages(new double[] {reward, Double.NaN, reward})).containsOnly(0);
  }

  @Test
  void oneAnswerToEverythingIsTold() throws IOException {
    TrainSettings settings = settings("sampled", "run").with("steps", 100);
    PreferenceCheck check = new PreferenceCheck(Training.prepare(settings, TinyRun.MACHINE));
    for (int step = 1; step <= 60; step++) {
      double constant = step <= 20 || step == 25 ? 0.2 : 0.95;
      List<String> lines =
          check.take(step, Map.of(GroupRelative.CONSTANT, constant, GroupRelative.FAILED, 0.0));
      assertThat(lines).as("step " + step).hasSize(step == 35 ? 1 : 0);
    }
  }

  private static double mean(List<JsonNode> steps) {
    return steps.stream().mapToDouble(s -> s.path("reward").asDouble()).average().orElse(0);
  }

  @Test
  void heldOutPromptsHaveAReward() throws IOException {
    TrainSettings settings =
        settings("sampled", "run").with("eval_data", prompts().toString()).with("eval_steps", 3);
    RunResult result = TinyRun.run(settings, 99);
    List<JsonNode> held = TinyRun.metrics(temp.resolve("run"), "eval_reward");
    assertThat(held).hasSize(3);
    assertThat(held.getFirst().path("eval_loss").asDouble())
        .isEqualTo(-held.getFirst().path("eval_reward").asDouble());
    assertThat(result.state()).isEqualTo(RunState.FINISHED);
  }

  @Test
  void whatARewardAdapterSaysIsTheReward() throws IOException {
    TinyRun.run(settings("sampled", "run").withReward("adapter:" + JUDGE), 1);
    List<JsonNode> samples = samples("run");
    assertThat(samples.stream().map(s -> s.path("reward").asDouble()).distinct().count())
        .isGreaterThan(6);
    assertThat(samples.getFirst().has("rewards")).isFalse();
  }

  @Test
  void rewardsThatAreAllEqualAreTold() throws IOException {
    Path rows = temp.resolve("same.jsonl");
    String row = "{\"prompt\": \"seal\", \"completions\": [\" pump\", \"\"], \"rewards\": [1, 1]}";
    Files.write(rows, List.of(row, row));
    TrainSettings settings =
        TinyRun.settings(TinyRun.TIED, rows, temp.resolve("o"), "objective", "grpo", "steps", 20);
    Prepared prepared = Training.prepare(settings, TinyRun.MACHINE);
    assertThat(prepared.warnings())
        .contains("2 groups have constant rewards: nothing is learned from them");
    List<String> told = new ArrayList<>();
    Training.run(
        prepared,
        event -> {
          if (event instanceof TrainEvent.Warning warning) {
            told.add(warning.line());
          }
        },
        () -> false);
    assertThat(told.getLast())
        .isEqualTo(
            "rewards are constant after a tenth of the run: the completions of each prompt are"
                + " worth the same, so nothing is learned; look at the rows (nudge data preview)");
  }

  @Test
  void aRewardThatFailsForSomeLeavesTheseOut() throws IOException {
    TinyRun.run(settings("sampled", "run").withReward("echo").withMaxCompletion(3), 2);
    JsonNode step = TinyRun.metrics(temp.resolve("run"), "loss").getFirst();
    long failed =
        samples("run").stream()
            .filter(s -> s.path("step").asInt() == 1 && s.path("reward").isNull())
            .count();
    assertThat(step.path("failed_rewards").asInt()).isEqualTo((int) failed).isBetween(1, 11);
    assertThat(step.path("loss").isNumber()).isTrue();
  }

  @Test
  void aRewardThatFailsEverywhereEndsTheRun() throws IOException {
    TrainSettings settings =
        settings("sampled", "run").withReward("json", "url:http://127.0.0.1:9/none");
    assertThatThrownBy(() -> TinyRun.run(settings, 1))
        .isInstanceOf(RunException.class)
        .hasMessageStartingWith(
            "no completion has a reward: --reward url:http://127.0.0.1:9/none: ");
  }
}
