package dev.nudge.train;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.Seeds;
import dev.nudge.format.Faults;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.format.Sha256;
import dev.nudge.machine.Machine;
import dev.nudge.plan.Plan;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Dtype;
import dev.nudge.train.checkpoint.RunCheckpoints;
import dev.nudge.train.events.RunResult;
import dev.nudge.train.events.RunState;
import dev.nudge.train.events.TrainEvent;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// A run that is stopped or killed and goes on ends with the bytes of one that never was.
class ResumeTest {
  static final int STEPS = 7;

  @TempDir private Path temp;
  private Path rows;
  private Path held;

  @BeforeEach
  void rows() throws IOException {
    rows = TinyRun.rows(temp.resolve("rows"), 11, 60, 1);
    held = TinyRun.rows(temp.resolve("held"), 3, 30, 2);
  }

  /// Seven steps in epochs of three, with dropout, decay and clipping at work.
  private TrainSettings settings(String kind, Path out) {
    return settings(kind, rows, held, out);
  }

  static TrainSettings settings(String kind, Path rows, Path held, Path out) {
    TrainSettings given =
        TinyRun.settings(
            TinyRun.TIED,
            rows,
            out,
            "eval_steps 2 batch_size 4 learning_rate 0.02 weight_decay 0.1 compute fp32"
                + " lanes 2 threads 1 save_steps 1 keep 2",
            "eval_data",
            held.toString(),
            "steps",
            STEPS);
    TrainSettings base = kind.startsWith("full") ? given : given.with("dropout", 0.1);
    return switch (kind) {
      case "lora" -> base;
      case "nf4" -> base.with("quantize", "nf4");
      case "8bit" -> base.with("optimizer", "adamw-8bit").with("rank", 32);
      case "full" -> base.with("method", "full");
      case "ia3" -> given.with("method", "ia3").with("quantize", "nf4");
      case "dora" -> given.with("dora", true).with("lora_plus", 4.0).with("quantize", "nf4");
      case "pissa" -> base.with("init", "pissa").with("rank", 4);
      case "eva" -> base.with("init", "eva").with("rank", 3);
      case "bf16" -> base.with("compute", "bf16");
      case "full-bf16" -> given.with("method", "full").with("compute", "bf16");
      default -> throw new IllegalArgumentException(kind);
    };
  }

  /// What must not depend on how often a run was away: weights, and metrics without times.
  static Map<String, String> fixed(Path out) throws IOException {
    Map<String, String> files = new TreeMap<>(Faults.files(out));
    files.remove("run.json");
    files.remove("metrics.jsonl");
    files.remove("events.jsonl");
    files.remove("loss.svg"); // it has the folder's name
    files.keySet().removeIf(name -> name.startsWith("checkpoints/"));
    List<String> lines = new ArrayList<>();
    for (String key : List.of("loss", "eval_loss")) {
      for (JsonNode row : TinyRun.metrics(out, key)) {
        lines.add(
            List.of("step", "loss", "lr", "grad_norm", "tokens", "trained_tokens", "eval_loss")
                .stream()
                .map(k -> k + "=" + row.path(k))
                .toList()
                .toString());
      }
    }
    files.put("metrics", String.join("\n", lines));
    return files;
  }

  private Map<String, String> uninterrupted(String kind) throws IOException {
    return uninterrupted(settings(kind, temp.resolve("whole-" + kind)));
  }

  private static Map<String, String> uninterrupted(TrainSettings settings) throws IOException {
    assertThat(TinyRun.run(settings, Integer.MAX_VALUE).state()).isEqualTo(RunState.FINISHED);
    return fixed(settings.output().out());
  }

  @Test
  void stoppedAfterAnyStepItEndsAsIfItNeverWas() throws IOException {
    stopped("lora", IntStream.range(1, STEPS));
  }

  /// The step says where the run is, the kind what it keeps: one step of each kind, another one
  /// each time.
  @ParameterizedTest
  @ValueSource(strings = {"nf4", "8bit", "full", "ia3", "dora", "pissa", "eva"})
  void ofEveryKindToo(String kind) throws IOException {
    stopped(kind, IntStream.of(1 + Seeds.random().nextInt(STEPS - 1)));
  }

  @ParameterizedTest
  @Tag("slow")
  @ValueSource(strings = {"nf4", "8bit", "full", "bf16", "full-bf16"})
  void ofEveryKindAfterAnyStep(String kind) throws IOException {
    if (kind.endsWith("bf16")) {
      Backends.orSkip(Compute.BF16);
    }
    stopped(kind, IntStream.range(1, STEPS));
  }

  private void stopped(String kind, IntStream steps) throws IOException {
    Map<String, String> whole = uninterrupted(kind);
    for (int k : steps.toArray()) {
      Path out = temp.resolve(kind + k);
      TrainSettings settings = settings(kind, out);
      assertThat(TinyRun.run(settings, k).state()).as("after %d", k).isEqualTo(RunState.STOPPED);
      assertThat(TinyRun.metrics(out, "loss")).hasSize(k);
      assertThat(Training.finished(settings)).isFalse();
      Prepared again = Training.prepare(settings, TinyRun.MACHINE);
      assertThat(requireNonNull(again.schedule().resumed()).step()).isEqualTo(k);
      assertThat(again.warnings()).noneMatch(line -> line.contains("bit-"));
      RunResult rest = Training.run(again, event -> {}, () -> false);
      assertThat(rest.steps()).isEqualTo(STEPS);
      assertThat(fixed(out)).as("stopped after %d", k).isEqualTo(whole);
    }
  }

  @Test
  void aPagedOptimiserGoesOnInItsFile() throws IOException {
    Map<String, String> whole = uninterrupted("full");
    Path out = temp.resolve("paged");
    TrainSettings settings = settings("full", out);
    Prepared first = Training.prepare(settings, TinyRun.MACHINE);
    int[] asked = {0};
    Training.run(
        TinyRun.withPlan(first, first.plan().withPagedOptimizer()),
        event -> asked[0] += event instanceof TrainEvent.Step ? 1 : 0,
        () -> asked[0] >= 3);
    Prepared again = Training.prepare(settings, TinyRun.MACHINE);
    assertThat(again.plan().footprint().paged()).isPositive();
    Training.run(again, event -> {}, () -> false);
    assertThat(fixed(out)).isEqualTo(whole);
  }

  @ParameterizedTest
  @ValueSource(strings = {"lora", "nf4"})
  void streamedWeightsGoOnStreamed(String kind) throws IOException {
    Path large = temp.resolve("large");
    TrainSettings held = settings(kind, large);
    Prepared most = Training.prepare(held, TinyRun.MACHINE);
    TrainSettings tight = held;
    Prepared first = most;
    for (int i = 0; i < 100 && !first.streams(); i++) { // all means that save memory come before
      tight =
          held.with("memory", Long.toString(first.plan().totalBytes()))
              .with("out", temp.resolve("tight"));
      first = Training.prepare(tight, TinyRun.MACHINE);
    }
    assertThat(first.streams()).isTrue();
    assertThat(most.streams()).isFalse();
    int[] asked = {0};
    Training.run(
        first, event -> asked[0] += event instanceof TrainEvent.Step ? 1 : 0, () -> asked[0] >= 3);
    Prepared again = Training.prepare(tight, TinyRun.MACHINE);
    assertThat(again.streams()).isTrue();
    Training.run(again, event -> {}, () -> false);
    Training.run(TinyRun.withPlan(most, first.plan()), event -> {}, () -> false);
    assertThat(fixed(temp.resolve("tight"))).isEqualTo(fixed(large));
  }

  @ParameterizedTest
  @ValueSource(strings = {"bf16", "full-bf16"})
  void soItIsWhereProductsReadACopyInBf16(String kind) throws IOException {
    Backends.orSkip(Compute.BF16);
    ofEveryKindToo(kind);
  }

  @Test
  void stoppedAfterEachStepItEndsAsIfItNeverWas() throws IOException {
    Path out = temp.resolve("out");
    int runs = 0;
    while (TinyRun.run(settings("lora", out), 1).state() == RunState.STOPPED) {
      runs++;
    }
    assertThat(runs).isEqualTo(STEPS); // the last one stops before its held-out loss
    assertThat(fixed(out)).isEqualTo(uninterrupted("lora"));
  }

  @ParameterizedTest
  @CsvSource({"lora, KILLED", "full, POWER", "lora, FAILED"})
  void killedBeforeSomeChangesOfTheDiskItEndsAsIfItNeverWas(String kind, Faults.Kind how)
      throws IOException {
    killed(kind, how, 61, 4); // one step beyond an epoch
  }

  /// The power fails: what was written and not flushed is lost too.
  @ParameterizedTest
  @Tag("slow")
  @CsvSource({
    "lora, FAILED, 11",
    "lora, KILLED, 17",
    "full, POWER, 17",
    "lora, POWER, 7",
    "lora, KILLED, 11",
    "nf4, POWER, 23",
    "8bit, POWER, 23",
    "full, POWER, 11"
  })
  void killedBeforeAnyChangeOfTheDiskItEndsAsIfItNeverWas(String kind, Faults.Kind how, int stride)
      throws IOException {
    killed(kind, how, stride, STEPS);
  }

  private void killed(String kind, Faults.Kind how, int stride, int steps) throws IOException {
    Path out = temp.resolve("killed");
    TrainSettings settings = settings(kind, out).withSteps(steps);
    Map<String, String> whole = uninterrupted(settings.withOut(temp.resolve("whole")));
    boolean met = true;
    int resumed = 0;
    for (int n = 1 + Seeds.random().nextInt(stride); met; n += stride) {
      OutFolder.delete(out);
      met = Faults.met(how, n, () -> TinyRun.run(settings, Integer.MAX_VALUE));
      if (!Files.exists(out.resolve("run.json")) || !Training.finished(settings)) {
        Prepared again = Training.prepare(settings, TinyRun.MACHINE);
        resumed += again.schedule().resumed() == null ? 0 : 1;
        Training.run(again, event -> {}, () -> false);
      }
      assertThat(fixed(out)).as("killed before change %d", n).isEqualTo(whole);
    }
    assertThat(resumed).as("went on").isGreaterThan(200 / stride);
  }

  @Test
  void theLastCheckpointsAndTheBestAreKept() throws IOException {
    Path out = temp.resolve("out");
    TinyRun.run(settings("lora", out).with("learning_rate", 0.9).with("schedule", "constant"), 99);
    int best = TinyRun.record(out).path("totals").path("best_step").asInt();
    List<String> kept =
        RunCheckpoints.all(out).stream().map(f -> f.getFileName().toString()).toList();
    assertThat(kept).startsWith("step-000007", "step-000006").contains("step-00000" + best);
    assertThat(kept.size()).isLessThanOrEqualTo(3);
  }

  @Test
  void aFinishedRunKeepsCheckpointsOnlyWhereItIsTold() throws IOException {
    Path out = temp.resolve("out");
    TrainSettings settings = settings("lora", out);
    Map<String, Object> values = new HashMap<>(settings.values());
    values.values().removeIf(Objects::isNull);
    values.remove("keep");
    values.remove("epochs");
    values.put("save_steps", 2);
    TrainSettings without = TrainSettings.of(values);
    TinyRun.run(without, 5);
    assertThat(RunCheckpoints.all(out)).hasSizeBetween(2, 3);
    TinyRun.run(without, Integer.MAX_VALUE);
    assertThat(out.resolve("checkpoints")).doesNotExist();
  }

  @Test
  void itsEventsAreKeptInOneFile() throws IOException {
    Path out = temp.resolve("out");
    TinyRun.run(settings("lora", out), 3);
    TinyRun.run(settings("lora", out), Integer.MAX_VALUE);
    List<String> events =
        Files.readAllLines(out.resolve("events.jsonl")).stream()
            .map(line -> Json.parse(line).path("event").asString())
            .filter(event -> !event.equals("saved") && !event.equals("evaluated"))
            .toList();
    assertThat(events).containsExactly("started", "stopped", "started", "finished");
  }

  @Test
  void aTornCheckpointIsNamedAndTheOneBeforeItTaken() throws IOException {
    Path out = temp.resolve("out");
    TrainSettings settings = settings("lora", out);
    TinyRun.run(settings, 5);
    Path newest = RunCheckpoints.all(out).getFirst();
    assertThat(newest).hasFileName("step-000005");
    Path state = newest.resolve("state.safetensors");
    byte[] bytes = Files.readAllBytes(state);
    bytes[bytes.length / 2] ^= 1;
    Files.write(state, bytes);
    Prepared again = Training.prepare(settings, TinyRun.MACHINE);
    assertThat(again.warnings())
        .contains(
            "checkpoint step-000005 is torn (state.safetensors has another digest); the run goes on"
                + " from step-000004");
    Training.run(again, event -> {}, () -> false);
    assertThat(fixed(out)).isEqualTo(uninterrupted("lora"));
  }

  @Test
  void whereEachIsTornNothingIsTouched() throws IOException {
    Path out = temp.resolve("out");
    TrainSettings settings = settings("lora", out);
    TinyRun.run(settings, 3);
    for (Path folder : RunCheckpoints.all(out)) {
      Files.writeString(folder.resolve("checkpoint.json"), "{");
    }
    Map<String, String> before = Faults.files(out);
    assertThatThrownBy(() -> Training.prepare(settings, TinyRun.MACHINE))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("step-000003 is torn (checkpoint.json is missing or not JSON)")
        .hasMessageEndingWith("--overwrite starts the run again");
    assertThat(Faults.files(out)).isEqualTo(before);
  }

  @Test
  void anotherKindOfProcessorIsAllowedAndTold() throws IOException {
    Path out = temp.resolve("out");
    TrainSettings settings = settings("lora", out);
    TinyRun.run(settings, 3);
    for (Path folder : RunCheckpoints.all(out)) {
      Path file = folder.resolve("checkpoint.json");
      changed(
          file,
          Files.readString(file)
              .replaceAll("\"processor\" : \"[^\"]*\"", "\"processor\" : \"z80\""));
    }
    Prepared again = Training.prepare(settings, TinyRun.MACHINE);
    assertThat(again.warnings())
        .anyMatch(
            line ->
                line.contains("another kind than the one it began on")
                    && line.contains("not bit-identical"));
    assertThat(Training.run(again, event -> {}, () -> false).steps()).isEqualTo(STEPS);
  }

  @Test
  void aRunOfBeforeTheWarmUpsBeginCouldBeSetGoesOnFromZero() throws IOException {
    Path whole = temp.resolve("whole");
    TrainSettings fromZero =
        settings("lora", whole).with("warmup", 3).with("warmup_from_zero", true);
    TinyRun.run(fromZero, Integer.MAX_VALUE);
    Path out = temp.resolve("out");
    TinyRun.run(fromZero.with("out", out), 2);
    Path record = out.resolve("run.json");
    String now = Files.readString(record);
    String before = now.replaceAll("\"warmup_from_zero\"( : true)?,?\\s*", "");
    assertThat(before).isNotEqualTo(now);
    Files.writeString(record, before);
    assertThatThrownBy(
            () -> Training.finished(fromZero.with("out", out).with("warmup_from_zero", false)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--warmup-from-zero was true and is false");
    Map<String, Object> given = new HashMap<>(Training.given(out));
    given.put("out", out.toString());
    TrainSettings resumed = TrainSettings.of(given);
    assertThat(resumed.optimizer().warmupFromZero()).isTrue();
    TinyRun.run(resumed, Integer.MAX_VALUE);
    assertThat(fixed(out)).isEqualTo(fixed(whole));
  }

  /// What the products take is known once they are loaded, and how fast they are depends on the
  /// neighbours of that moment.
  @ParameterizedTest
  @ValueSource(strings = {"lora", "bf16"})
  void aBusyMachineOfTheSameKindIsNotAnother(String kind) throws IOException {
    if (kind.equals("bf16")) {
      Backends.orSkip(Compute.BF16);
    }
    Path out = temp.resolve("out");
    TrainSettings settings = settings(kind, out);
    boolean bf16 = kind.equals("bf16");
    BusyProducts.during(bf16 ? 4 : 1, () -> TinyRun.run(settings.with("compute", "auto"), 3));
    Prepared again =
        BusyProducts.during(
            bf16 ? 0.5 : 4,
            () -> Training.prepare(settings.with("compute", "auto"), TinyRun.MACHINE));
    assertThat(again.warnings()).noneMatch(line -> line.contains("bit-"));
    assertThat(again.backend().compute()).isEqualTo(bf16 ? Dtype.BF16 : Dtype.F32);
    Training.run(again, event -> {}, () -> false);
    assertThat(fixed(out)).isEqualTo(uninterrupted(kind));
  }

  /// Writes another text with the digest that belongs to it.
  private static void changed(Path file, String text) throws IOException {
    ObjectNode values = (ObjectNode) Json.parse(text);
    values.remove("sha256");
    String line = Json.line(values);
    values.put("sha256", Sha256.of(line.getBytes(StandardCharsets.UTF_8)));
    Files.writeString(file, Json.indented(values));
  }

  @Test
  void thePlanIsReadBack() throws IOException {
    Path out = temp.resolve("out");
    TrainSettings settings = settings("lora", out);
    Plan plan = Training.prepare(settings, TinyRun.MACHINE).plan();
    TinyRun.run(settings, 2);
    Prepared again = Training.prepare(settings, TinyRun.MACHINE);
    assertThat(again.plan()).isEqualTo(plan);
    Machine larger = new Machine(2, 9L << 30, TinyRun.MACHINE.cache(), "test");
    assertThat(Training.prepare(settings, larger).plan()).isEqualTo(plan);
    Prepared lanes = Training.prepare(settings.with("lanes", 1), TinyRun.MACHINE);
    assertThat(lanes.plan().lanes()).isEqualTo(1);
    assertThat(lanes.warnings())
        .anyMatch(
            line -> line.contains("--lanes is another") && line.contains("not bit-identical"));
  }

  @Test
  void anotherModelIsNotGoneOnWith() throws IOException {
    Path model = TinyRun.sharded(temp.resolve("model"));
    Path out = temp.resolve("out");
    TrainSettings settings = settings("lora", out).with("model", model);
    TinyRun.run(settings, 3);
    Path shard = model.resolve("model-00001-of-00002.safetensors");
    byte[] bytes = Files.readAllBytes(shard);
    bytes[bytes.length - 1] ^= 1;
    Files.write(shard, bytes);
    assertThatThrownBy(() -> Training.prepare(settings, TinyRun.MACHINE))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("begun on another model: --model " + model + " holds other weights");
    bytes[bytes.length - 1] ^= 1;
    Files.write(shard, bytes);
    Path tokenizer = model.resolve("tokenizer.json");
    Files.writeString(tokenizer, Files.readString(tokenizer) + " ");
    assertThatThrownBy(() -> Training.prepare(settings, TinyRun.MACHINE))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("holds another tokenizer now");
  }

  @Test
  void aDigitOfARecordThatChangedIsSeen() throws IOException {
    Path out = temp.resolve("out");
    TrainSettings settings = settings("lora", out);
    TinyRun.run(settings, 4);
    Path record = RunCheckpoints.all(out).getFirst().resolve("checkpoint.json");
    String text = Files.readString(record);
    Files.writeString(record, text.replaceFirst("\"updates\" : 4", "\"updates\" : 5"));
    assertThat(Files.readString(record)).isNotEqualTo(text);
    assertThat(Training.prepare(settings, TinyRun.MACHINE).warnings())
        .anyMatch(line -> line.contains("is torn (checkpoint.json has another digest)"));
  }

  @Test
  void aReplacedCheckpointThatAKillLeftAsideComesBack() throws IOException {
    Path out = temp.resolve("out");
    TrainSettings settings = settings("lora", out).with("keep", 1);
    TinyRun.run(settings, 3);
    Path newest = RunCheckpoints.all(out).getFirst();
    for (Path other : RunCheckpoints.all(out)) {
      Files.move(other, other.resolveSibling("." + other.getFileName() + ".old"));
    }
    assertThat(Training.finished(settings)).isFalse();
    assertThat(RunCheckpoints.all(out).getFirst()).isEqualTo(newest);
    TinyRun.run(settings, Integer.MAX_VALUE);
    assertThat(fixed(out)).isEqualTo(uninterrupted("lora"));
  }

  @Test
  void whatCannotBeGoneOnWithIsRefused() throws IOException {
    Path out = temp.resolve("out");
    TrainSettings settings = settings("lora", out);
    assertThatThrownBy(() -> Training.finished(settings.with("resume", true)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("holds no run to go on with");
    TinyRun.run(settings, 2);
    assertThat(Training.finished(settings.with("resume", true))).isFalse();
    assertThatThrownBy(() -> Training.finished(settings.with("rank", 4)))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("--rank was 16 and is 4");
    assertThatThrownBy(() -> settings.with("resume", true).with("overwrite", true))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("leave one out");
    Files.writeString(out.resolve("metrics.jsonl"), "");
    assertThatThrownBy(() -> TinyRun.run(settings, 9))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("has fewer lines");
  }
}
