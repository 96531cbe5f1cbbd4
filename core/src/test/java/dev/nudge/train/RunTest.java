package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.data.rows.ContentDigest;
import dev.nudge.format.Claim;
import dev.nudge.format.Faults;
import dev.nudge.format.SafeTensors;
import dev.nudge.model.Quantization;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.train.Method;
import dev.nudge.settings.train.Schedule;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.train.events.RunResult;
import dev.nudge.train.events.RunState;
import dev.nudge.train.events.TrainEvent;
import dev.nudge.train.optimizer.LearningRate;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.node.ObjectNode;

/// Makes whole runs and looks at what they tell and leave: steps that are skipped, the best and the
/// last adapter, what an interruption saves.
class RunTest {
  private static final String ROW = TinyRun.row("pump:", " seal");
  private static final String BAD = TinyRun.row("pump" + TinyRun.POISON + ":", " seal");

  @TempDir private Path temp;

  private Path write(String name, String... rows) throws IOException {
    return Files.write(temp.resolve(name), List.of(rows));
  }

  private static JsonNode total(Path out, String key) throws IOException {
    return TinyRun.record(out).get("totals").get(key);
  }

  private static void isFinite(Path adapter) {
    try (SafeTensors file = SafeTensors.open(adapter.resolve("adapter_model.safetensors"))) {
      for (String name : file.names()) {
        Tensor t = file.tensor(name);
        for (long i = 0; i < t.elements(); i++) {
          assertThat(t.at(i)).as(name).isFinite();
        }
      }
    }
  }

  @Test
  void aRateThatFitsIsRecordedAsItsNumber() throws IOException {
    Path model = TinyRun.poisoned(temp.resolve("model")); // a copy
    Path out = temp.resolve("out");
    TrainSettings auto = TinyRun.settings(model, write("rows", ROW, ROW), out, "steps", 2);
    TinyRun.run(auto);
    assertThat(TinyRun.record(out).at("/settings/learning_rate").asDouble()).isEqualTo(2e-3);
    assertThat(Training.finished(auto)).isTrue();
    assertThat(Training.finished(auto.withLearningRate(2e-3))).isTrue();
    assertThatThrownBy(() -> Training.finished(auto.withLearningRate(1e-3)))
        .hasMessageContaining("--learning-rate was 0.002 and is 0.001");
  }

  @Test
  void theRateFitsTheWidthOfTheModelAndTheMethod() throws IOException {
    Path folder = Files.createDirectories(temp.resolve("wide"));
    Files.writeString(
        folder.resolve("config.json"),
        """
        {"model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008,
         "num_hidden_layers": 32, "num_attention_heads": 32, "vocab_size": 32000}
        """);
    ModelConfig config = ModelConfig.load(folder);
    TrainSettings auto = TinyRun.settings(folder, write("rows", ROW), temp.resolve("out"));
    assertThat(rate(auto, config)).isEqualTo(2.9e-4);
    assertThat(rate(auto.withMethod(Method.FULL), config)).isEqualTo(2.9e-5);
    assertThat(rate(auto.withLearningRate(5e-3), config)).isEqualTo(5e-3);
  }

  private static double rate(TrainSettings settings, ModelConfig config) {
    return Preparation.resolved(settings, Quantization.NONE, config).optimizer().highestRate();
  }

  @Test
  void aStepThatIsNotANumberIsSkippedAndCounts() throws IOException {
    Path model = TinyRun.poisoned(temp.resolve("model"));
    Path data = write("rows", ROW, ROW, ROW, BAD, ROW, ROW); // two a step: the second is bad
    Path out = temp.resolve("out");
    List<String> warnings = new ArrayList<>();
    TrainSettings settings =
        TinyRun.settings(model, data, out, "batch_size 2 shuffle false steps 8 compute fp32");
    Training.run(
        Training.prepare(settings, TinyRun.MACHINE),
        event -> {
          if (event instanceof TrainEvent.Warning w) {
            warnings.add(w.line());
          }
        },
        () -> false);
    List<JsonNode> steps = TinyRun.metrics(out, "loss");
    LearningRate rate =
        new LearningRate(Schedule.LINEAR, 2e-3, 1, false, 8); // auto, of a narrow model
    assertThat(steps).hasSize(8);
    for (int i = 0; i < 8; i++) {
      boolean skipped = i % 3 == 1;
      assertThat(steps.get(i).get("step").asInt()).isEqualTo(i + 1);
      assertThat(steps.get(i).get("loss").isNull()).as("step %d", i + 1).isEqualTo(skipped);
      assertThat(steps.get(i).get("grad_norm").isNull()).as("step %d", i + 1).isEqualTo(skipped);
      assertThat(steps.get(i).get("lr").asDouble()).isEqualTo(rate.at(i));
    }
    assertThat(total(out, "steps").asInt()).isEqualTo(8);
    assertThat(total(out, "skipped_steps").asInt()).isEqualTo(3);
    assertThat(TinyRun.record(out).get("state").asString()).isEqualTo("finished");
    assertThat(warnings)
        .containsExactly(
            "step 2 is skipped: its loss is not a finite number",
            "step 5 is skipped: its loss is not a finite number",
            "step 8 is skipped: its loss is not a finite number");
    isFinite(out);
  }

  @Test
  void tenSkippedStepsInARowEndTheRunWithItsBestAdapterKept() throws IOException {
    Path model = TinyRun.poisoned(temp.resolve("model"));
    String[] rows = new String[20];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = i < 3 ? ROW : BAD;
    }
    Path out = temp.resolve("out");
    TrainSettings settings =
        TinyRun.settings(
            model,
            write("rows", rows),
            out,
            "batch_size 1 shuffle false eval_steps 3 learning_rate 0.01",
            "eval_data",
            write("held", ROW).toString());
    assertThatThrownBy(() -> TinyRun.run(settings))
        .isInstanceOf(RunException.class)
        .hasMessage(
            "the loss was not finite for 10 steps in a row; the best so far is kept; lower"
                + " --learning-rate");
    assertThat(TinyRun.record(out).get("state").asString()).isEqualTo("failed");
    assertThat(TinyRun.record(out).path("failure").asString(""))
        .startsWith("the loss was not finite for 10 steps in a row");
    assertThat(total(out, "steps").asInt()).isEqualTo(13);
    assertThat(total(out, "best_step").asInt()).isEqualTo(3);
    assertThat(TinyRun.metrics(out, "loss")).hasSize(13);
    isFinite(out);
  }

  /// A run whose every step is skipped ends with a failure, and what was there stays as it was.
  @ParameterizedTest
  @CsvSource({"lora, 3, fp32", "lora, 40, auto", "full, 3, fp32", "full, 40, auto"})
  void aRunWithoutASingleUpdateSavesNothing(String method, int steps, String compute)
      throws IOException {
    Path model = TinyRun.poisoned(temp.resolve("model"));
    Path out = temp.resolve("out");
    TrainSettings good =
        TinyRun.settings(TinyRun.UNTIED, write("good", ROW), out, "steps", 1, "method", method);
    TinyRun.run(good);
    Map<String, String> before = Faults.files(out);
    TrainSettings bad =
        TinyRun.settings(
            model,
            write("bad", BAD),
            out,
            "batch_size",
            1,
            "steps",
            steps,
            "save_steps",
            1,
            "method",
            method,
            "compute",
            compute);
    boolean fp32 = Training.prepare(bad, TinyRun.MACHINE).backend().compute() != Dtype.BF16;
    String line =
        "the loss was not finite in any of %d steps, so nothing was trained and nothing is saved; a lower --learning-rate does not help"
            .formatted(Math.min(10, steps));
    String advice = fp32 ? ": the model's weights may hold NaN" : ": try --compute fp32, and check";
    assertThatThrownBy(() -> TinyRun.run(bad.with("overwrite", true)))
        .isInstanceOf(RunException.class)
        .hasMessageStartingWith(line + advice);
    assertThat(Faults.files(out)).isEqualTo(before);
    assertThat(out.resolve(".nudge.new")).doesNotExist();

    Path fresh = temp.resolve("fresh");
    assertThatThrownBy(() -> TinyRun.run(bad.with("out", fresh)))
        .isInstanceOf(RunException.class)
        .hasMessageStartingWith(line);
    assertThat(state(fresh)).isEqualTo("failed");
    assertThat(fresh.toFile().list())
        .doesNotContain("adapter_model.safetensors", "model.safetensors", "config.json");
  }

  @Test
  void aSecondWriterIsRefusedUntilTheRunEnds() throws IOException {
    Path out = temp.resolve("out");
    TrainSettings settings =
        TinyRun.settings(TinyRun.UNTIED, write("rows", ROW), out, "steps", 3, "save_steps", 1);
    List<String> refused = new ArrayList<>();
    for (boolean overwrite : new boolean[] {false, true}) {
      TrainSettings run = settings.with("overwrite", overwrite);
      Training.run(
          Training.prepare(run, TinyRun.MACHINE),
          event -> {
            if (event instanceof TrainEvent.Step || event instanceof TrainEvent.Saved) {
              assertThatThrownBy(() -> TinyRun.run(settings.with("overwrite", true)))
                  .isInstanceOf(RunException.class)
                  .hasMessage(
                      "another nudge process is writing to "
                          + out
                          + "; wait for it or give another folder");
              refused.add(event.toString());
            }
          },
          () -> false);
    }
    assertThat(refused.size()).isGreaterThanOrEqualTo(8);
    assertThat(out.resolve(".nudge.writer")).doesNotExist();
    Claim.of(out).close(); // free again
  }

  @Test
  void anUpdateThatSpoilsTheWeightsIsNotSaved() throws IOException {
    Path out = temp.resolve("out");
    var settings =
        TinyRun.settings(
            TinyRun.UNTIED,
            write("rows", ROW),
            out,
            "steps",
            3,
            "warmup",
            0,
            "learning_rate",
            1e39, // beyond fp32
            "compute",
            "fp32");
    assertThatThrownBy(() -> TinyRun.run(settings))
        .isInstanceOf(RunException.class)
        .hasMessage(
            "the update of step 1 made numbers that are not finite; nothing is saved; lower"
                + " --learning-rate");
    assertThat(state(out)).isEqualTo("failed");
    assertThat(out.resolve("adapter_model.safetensors")).doesNotExist();
  }

  @Test
  void whatDivergesKeepsWhatWasSavedAndTheLastBesideIt() throws IOException {
    Path model = TinyRun.poisoned(temp.resolve("model"));
    String[] rows = new String[20];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = i < 3 ? ROW : BAD;
    }
    Path out = temp.resolve("out");
    Object[] common = {
      "batch_size", 1, "shuffle", false, "warmup", 0, "schedule", "constant", "compute", "fp32"
    };
    Path data = write("rows", rows);
    assertThatThrownBy(
            () ->
                TinyRun.run(
                    TinyRun.settings(model, data, out, common)
                        .with("save_steps", 2)
                        .with("max_grad_norm", 0)))
        .hasMessage(
            "the loss was not finite for 10 steps in a row; the best so far is kept; lower"
                + " --learning-rate, or leave --max-grad-norm at 1");
    for (int steps : new int[] {2, 3}) {
      Path same = temp.resolve("same" + steps);
      TinyRun.run(
          TinyRun.settings(model, data, same, common)
              .with("steps", steps)
              .with("max_grad_norm", 0));
      assertThat((steps == 2 ? out : out.resolve("last")).resolve("adapter_model.safetensors"))
          .hasSameBinaryContentAs(same.resolve("adapter_model.safetensors"));
    }
  }

  @Test
  void theAdapterIsSavedAsOftenAsSaveStepsSays() throws IOException {
    Path out = temp.resolve("out");
    Map<Integer, String> states = new TreeMap<>();
    int[] step = {0};
    Consumer<TrainEvent> events =
        event -> {
          if (event instanceof TrainEvent.Step s) {
            step[0] = s.step();
          } else if (event instanceof TrainEvent.Saved) {
            states.put(step[0], state(out));
          }
        };
    run(
        TinyRun.settings(TinyRun.UNTIED, write("rows", ROW), out, "steps", 25, "save_steps", 3),
        events);
    assertThat(states.keySet()).containsExactly(3, 6, 9, 12, 15, 18, 21, 24, 25);
    assertThat(states.values()).containsOnly("running");
    assertThat(state(out)).isEqualTo("finished");
    states.clear();
    Path given = temp.resolve("given");
    run(
        TinyRun.settings(TinyRun.UNTIED, write("rows", ROW), given, "steps", 25, "save_steps", 10),
        event -> {
          events.accept(event);
          if (event instanceof TrainEvent.Step s && s.step() == 11) {
            try {
              assertThat(total(given, "steps").asInt()).isEqualTo(10);
              assertThat(TinyRun.record(given).at("/settings/save_steps").asInt()).isEqualTo(10);
            } catch (IOException e) {
              throw new UncheckedIOException(e);
            }
          }
        });
    assertThat(states.keySet()).containsExactly(10, 20, 25);
  }

  /// Makes a run by a clock on which a step takes a minute.
  ///
  /// @param saveSeconds what each reading of the clock by a save adds; a save reads it twice
  /// @return the steps that were saved
  private List<Integer> saves(Path out, int steps, int saveSeconds) throws IOException {
    var settings =
        TinyRun.settings(TinyRun.UNTIED, write("rows", ROW, ROW), out, "steps", steps, "seed", 3);
    AtomicLong seconds = new AtomicLong(-500);
    int[] step = {0};
    List<Integer> saves = new ArrayList<>();
    Consumer<TrainEvent> events =
        event -> {
          if (event instanceof TrainEvent.Step s) {
            step[0] = s.step();
            seconds.addAndGet(60);
          } else if (event instanceof TrainEvent.Saved) {
            saves.add(step[0]);
          }
        };
    LongSupplier clock =
        () ->
            1_000_000_000L
                * (Thread.currentThread().getName().equals("nudge writes")
                    ? seconds.addAndGet(saveSeconds)
                    : seconds.get());
    try (Run run = new Run(Training.prepare(settings, TinyRun.MACHINE), events, clock)) {
      run.go(() -> false);
    }
    return saves;
  }

  @Test
  void savesAreSpacedByTheirCostAndChangeNoBit() throws IOException {
    Path often = temp.resolve("often");
    assertThat(saves(often, 12, 0)).containsExactly(3, 6, 9, 12); // each three minutes
    assertThat(saves(temp.resolve("short"), 3, 0)).containsExactly(3); // its end
    Path seldom = temp.resolve("seldom");
    assertThat(saves(seldom, 12, 20)).containsExactly(3, 10, 12); // 19 times 20 s are 6.3 minutes
    Path never = temp.resolve("never");
    assertThat(saves(never, 12, 3600)).containsExactly(3, 12);
    for (Path out : List.of(seldom, never)) {
      assertThat(out.resolve("adapter_model.safetensors"))
          .hasSameBinaryContentAs(often.resolve("adapter_model.safetensors"));
    }
  }

  /// Whatever ends a run after a step, what it learned is there.
  @ParameterizedTest
  @ValueSource(strings = {"lora", "full"})
  void aFailureAfterAStepSavesWhatWasLearned(String method) throws IOException {
    Path out = temp.resolve("out");
    Path same = temp.resolve("same");
    Path data = write("rows", ROW);
    Object[] common = {"schedule", "constant", "warmup", 0, "method", method};
    TinyRun.run(TinyRun.settings(TinyRun.UNTIED, data, same, common).with("steps", 2));
    assertThatThrownBy(
            () ->
                run(
                    TinyRun.settings(TinyRun.UNTIED, data, out, common).with("steps", 50),
                    event -> {
                      if (event instanceof TrainEvent.Step s && s.step() == 2) {
                        throw new OutOfMemoryError("Java heap space");
                      }
                    }))
        .isInstanceOf(OutOfMemoryError.class);
    assertThat(state(out)).isEqualTo("failed");
    String weights = method.equals("full") ? "model.safetensors" : "adapter_model.safetensors";
    assertThat(out.resolve(weights)).hasSameBinaryContentAs(same.resolve(weights));
  }

  @Test
  void aRunThatIsStoppedBeforeAnUpdateLeavesWhatWasThere() throws IOException {
    Path out = temp.resolve("out");
    var settings = TinyRun.settings(TinyRun.UNTIED, write("rows", ROW), out, "steps", 2);
    TinyRun.run(settings);
    Map<String, String> before = Faults.files(out);
    RunResult stopped =
        Training.run(
            Training.prepare(settings.with("overwrite", true), TinyRun.MACHINE),
            event -> {},
            () -> true);
    assertThat(stopped.state()).isEqualTo(RunState.STOPPED);
    assertThat(Faults.files(out)).isEqualTo(before);
  }

  @Test
  void aRunThatFailsBeforeItsFirstSaveLeavesTheOldOne() throws IOException {
    Path out = temp.resolve("out");
    var settings =
        TinyRun.settings(TinyRun.UNTIED, write("rows", ROW), out, "steps", 9, "save_steps", 9);
    TinyRun.run(settings);
    Map<String, String> before = Faults.files(out);
    assertThatThrownBy(
            () ->
                Training.run(
                    Training.prepare(settings.with("overwrite", true), TinyRun.MACHINE),
                    event -> {
                      if (event instanceof TrainEvent.Step s && s.step() == 3) {
                        throw new IllegalStateException("the test's");
                      }
                    },
                    () -> false))
        .hasMessage("the test's");
    assertThat(Faults.files(out)).isEqualTo(before);
  }

  @Test
  void theBestAdapterIsKeptBesideTheLastAndBothCanBeContinued() throws IOException {
    // the held-out answer to a prompt is another than the trained one, so learning makes it worse
    Path data = answers("rows", 12, " valve");
    Path held = answers("held", 9, " pump");
    Path out = temp.resolve("out");
    TinyRun.run(
        TinyRun.settings(
            TinyRun.TIED,
            data,
            out,
            "compute fp32 batch_size 4 steps 12 warmup 2 rank 8 schedule constant"
                + " learning_rate 0.02 eval_steps 4",
            "eval_data",
            held.toString()));
    List<JsonNode> evals = TinyRun.metrics(out, "eval_loss");
    assertThat(evals).hasSize(4);
    double best = Double.POSITIVE_INFINITY;
    int bestStep = 0;
    for (JsonNode e : evals.subList(1, evals.size())) {
      if (e.get("eval_loss").asDouble() < best) {
        best = e.get("eval_loss").asDouble();
        bestStep = e.get("step").asInt();
      }
    }
    double last = evals.getLast().get("eval_loss").asDouble();
    assertThat(last).as("the run over-fits, so the last is not the best").isGreaterThan(best);
    assertThat(total(out, "eval_loss_before").asDouble())
        .isEqualTo(evals.getFirst().get("eval_loss").asDouble());
    assertThat(total(out, "eval_loss_best").asDouble()).isEqualTo(best);
    assertThat(total(out, "best_step").asInt()).isEqualTo(bestStep);
    assertThat(lossBefore(out, data, held)).isCloseTo(best, within(1e-5 * best));
    assertThat(lossBefore(out.resolve("last"), data, held)).isCloseTo(last, within(1e-5 * last));
  }

  private Path answers(String name, int rows, String answer) throws IOException {
    return Files.write(
        temp.resolve(name), Collections.nCopies(rows, TinyRun.row("seal pump valve", answer)));
  }

  /// The held-out loss with which a run starts that continues from an adapter.
  private double lossBefore(Path adapter, Path data, Path held) throws IOException {
    Path out = Files.createTempDirectory(temp, "continued");
    TinyRun.run(
        TinyRun.settings(
            TinyRun.TIED,
            data,
            out,
            "compute",
            "fp32",
            "init_adapter",
            adapter,
            "steps",
            1,
            "eval_data",
            held.toString()));
    assertThat(Files.readString(out.resolve("adapter_config.json"))).contains("\"r\": 8");
    return total(out, "eval_loss_before").asDouble();
  }

  @Test
  void aCancelledRunSavesTheAdapterAsItStands() throws IOException {
    Path data = TinyRun.rows(temp.resolve("rows"), 12, 60, 1);
    Path whole = temp.resolve("whole");
    Path stopped = temp.resolve("stopped");
    Object[] common = {"batch_size", 4, "schedule", "constant", "warmup", 0};
    TinyRun.run(TinyRun.settings(TinyRun.TIED, data, whole, common).with("steps", 5));
    int[] asked = {0};
    RunResult result =
        Training.run(
            Training.prepare(
                TinyRun.settings(TinyRun.TIED, data, stopped, common).with("steps", 50),
                TinyRun.MACHINE),
            event -> {},
            () -> asked[0]++ == 5);
    assertThat(result.state()).isEqualTo(RunState.STOPPED);
    assertThat(TinyRun.record(stopped).get("state").asString()).isEqualTo("stopped");
    assertThat(TinyRun.metrics(stopped, "loss")).hasSize(5);
    assertThat(stopped.resolve("adapter_model.safetensors"))
        .hasSameBinaryContentAs(whole.resolve("adapter_model.safetensors"));
  }

  @ParameterizedTest
  @CsvSource({"10, 4, 1, 3", "10, 4, 2.5, 8", "10, 4, 0.1, 1", "12, 4, 2, 6", "3, 16, 0.5, 1"})
  void epochsAreWholeStepsOfWhatIsThere(int rows, int batch, double epochs, int steps)
      throws IOException {
    Path data = TinyRun.rows(temp.resolve("rows"), rows, 20, 1);
    TrainSettings settings =
        TinyRun.settings(
            TinyRun.TIED, data, temp.resolve("out"), "batch_size", batch, "epochs", epochs);
    assertThat(Training.prepare(settings, TinyRun.MACHINE).steps()).isEqualTo(steps);
  }

  @Test
  void rowsThatTrainNothingNeitherBreakAStepNorEndTheRun() throws IOException {
    String end = "{\"text\": \"</s>\"}"; // one token, and the first is never trained
    String[] rows = new String[15];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = i == 1 ? ROW : end;
    }
    Path out = temp.resolve("out");
    RunResult result =
        TinyRun.run(
            TinyRun.settings(
                TinyRun.TIED, write("rows", rows), out, "batch_size", 1, "shuffle", false));
    assertThat(result.state()).isEqualTo(RunState.FINISHED);
    List<JsonNode> steps = TinyRun.metrics(out, "loss");
    assertThat(steps).hasSize(15);
    assertThat(steps.get(0).get("loss").isNull()).isTrue();
    assertThat(steps.get(1).get("loss").isNull()).isFalse();
    assertThat(steps.get(2).get("trained_tokens").asInt()).isZero();
    assertThat(result.steps()).isEqualTo(15);
    assertThat(result.skippedSteps()).isEqualTo(14);
    isFinite(out);
  }

  /// What Java code is given is what `run.json` says, and what a finished run is found to be.
  @Test
  void theResultIsThatOfTheFolder() throws IOException {
    Path out = temp.resolve("out");
    Path data = answers("rows", 12, " valve");
    Path other = answers("other", 12, " pump"); // learning the one makes the other worse
    var settings =
        TinyRun.settings(
            TinyRun.TIED,
            data,
            out,
            "steps 4 batch_size 4 eval_steps 1 learning_rate 0.05",
            "eval_data",
            other.toString());
    RunResult result = run(settings, event -> {});
    ObjectNode totals = (ObjectNode) TinyRun.record(out).get("totals");
    assertThat(totals.remove("cost").isNull()).as("without --price-per-hour").isTrue();
    assertThat(new ObjectMapper().<JsonNode>valueToTree(result.totals()).toString())
        .isEqualTo(totals.toString());
    assertThat(result.steps()).isEqualTo(4);
    assertThat(result.firstLoss())
        .isEqualTo(TinyRun.metrics(out, "loss").getFirst().get("loss").asDouble());
    assertThat(result.lastLoss())
        .isEqualTo(TinyRun.metrics(out, "loss").getLast().get("loss").asDouble());
    assertThat(result.id()).isEqualTo(TinyRun.record(out).get("id").asString());
    assertThat(result.bestStep()).as("the held-out answer is another").isLessThan(4);
    for (Path folder : List.of(result.best(), result.last())) {
      assertThat(folder.resolve("adapter_model.safetensors")).exists();
    }
    assertThat(result.last()).isNotEqualTo(result.best());
    assertThat(result.metrics()).exists();
    assertThat(result.record()).exists();
    assertThat(Training.run(settings, TinyRun.MACHINE, _ -> {}, _ -> {}, () -> false))
        .isEqualTo(result);
    assertThat(Training.record(out)).containsKeys("settings", "plan", "totals");

    var more =
        settings
            .with("out", temp.resolve("better"))
            .with("eval_data", data.toString())
            .with("learning_rate", 1e-3);
    RunResult better = run(more, event -> {});
    assertThat(better.bestStep()).isEqualTo(4);
    assertThat(better.last()).isEqualTo(better.best());
  }

  private static RunResult run(TrainSettings settings, Consumer<TrainEvent> events) {
    return Training.run(Training.prepare(settings, TinyRun.MACHINE), events, () -> false);
  }

  @Test
  void anInterruptAfterTheLastStepLosesNothing() throws IOException {
    Path out = temp.resolve("interrupted");
    var settings = TinyRun.settings(TinyRun.UNTIED, write("i", ROW, ROW), out, "steps", 2);
    try {
      run(
          settings,
          event -> {
            if (event instanceof TrainEvent.Step) {
              Thread.currentThread().interrupt();
            }
          });
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }
    isFinite(out);
    assertThat(TinyRun.record(out).get("state").asString()).isIn("stopped", "finished");
    assertThat(TinyRun.metrics(out, "loss")).isNotEmpty();
  }

  @Test
  void theRecordIsFinishedWhenThatIsTold() throws IOException {
    Path out = temp.resolve("told");
    var settings = TinyRun.settings(TinyRun.UNTIED, write("t", ROW), out, "steps", 1);
    List<String> states = new ArrayList<>();
    run(
        settings,
        event -> {
          if (event instanceof TrainEvent.Finished) {
            states.add(Files.exists(out.resolve("run.json")) ? state(out) : "none");
          }
        });
    assertThat(states).containsExactly("finished");
  }

  @Test
  void whatAListenerThrowsIsAFailureOfTheRun() throws IOException {
    Path out = temp.resolve("thrown");
    var settings = TinyRun.settings(TinyRun.UNTIED, write("f", ROW), out, "steps", 1);
    assertThatThrownBy(
            () ->
                run(
                    settings,
                    event -> {
                      if (event instanceof TrainEvent.Step) {
                        throw new AssertionError("a listener's");
                      }
                    }))
        .isInstanceOf(AssertionError.class);
    assertThat(state(out)).isEqualTo("failed");
  }

  @Test
  void aHeldOutLossThatIsCancelledWasNeverMade() throws IOException {
    Path out = temp.resolve("cancelled");
    Path data = write("c", ROW, ROW);
    var settings =
        TinyRun.settings(TinyRun.UNTIED, data, out, "steps", 4, "eval_data", data.toString());
    RunResult result =
        Training.run(Training.prepare(settings, TinyRun.MACHINE), event -> {}, () -> true);
    assertThat(result.state()).isEqualTo(RunState.STOPPED);
    assertThat(TinyRun.metrics(out, "eval_loss")).isEmpty();
    assertThat(TinyRun.metrics(out, "loss")).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"lora", "full"})
  void aRunThatIsStoppedBeforeAnUpdateSavesNothing(String method) throws IOException {
    Path out = temp.resolve("out");
    var settings =
        TinyRun.settings(TinyRun.UNTIED, write("rows", ROW), out, "steps", 2, "method", method);
    List<TrainEvent> events = new ArrayList<>();
    Training.run(Training.prepare(settings, TinyRun.MACHINE), events::add, () -> true);
    assertThat(events).noneMatch(TrainEvent.Saved.class::isInstance);
    assertThat(state(out)).isEqualTo("stopped");
    for (String name :
        List.of("adapter_model.safetensors", "adapter_config.json", "nudge.json", "config.json")) {
      assertThat(out.resolve(name)).doesNotExist();
    }
  }

  @Test
  void badRowsHeldOutAreCounted() throws IOException {
    Path out = temp.resolve("held");
    var settings =
        TinyRun.settings(
            TinyRun.UNTIED,
            write("h", ROW, ROW),
            out,
            "eval_data",
            write("e", ROW, "{}").toString(),
            "skip_bad_rows",
            true);
    Prepared prepared = Training.prepare(settings, TinyRun.MACHINE);
    assertThat(prepared.lines().getFirst()).endsWith("held out 1 row, 1 bad row set aside");
    assertThat(prepared.values()).containsEntry("eval_bad_rows", 1).containsEntry("bad_rows", 0);
  }

  @Test
  void heldOutRowsThatAreTrainedOnAreWarnedOfWithTheirNumber() throws IOException {
    String other = TinyRun.row("valve:", " seal");
    Path data = write("o", ROW, other, other);
    assertThat(warnings(data, write("p", ROW, TinyRun.row("pump:", " valve"), ROW)))
        .containsExactly(
            "2 rows of --eval-data are in --data too, so the held-out loss is not that of unseen"
                + " rows; take them out of one of the two");
    assertThat(warnings(data, write("q", other)))
        .containsExactly(
            "1 row of --eval-data is in --data too, so the held-out loss is not that of unseen"
                + " rows; take them out of one of the two");
    assertThat(warnings(data, write("r", TinyRun.row("pump:", " valve")))).isEmpty();
  }

  /// A warm-up may begin at the rate 0, which a short run says before it starts.
  @Test
  void aShortRunWhoseFirstStepTrainsNothingSaysSo() throws IOException {
    Path data = write("z", ROW);
    for (int steps : new int[] {1, 2, 4, 5}) {
      String says =
          (steps == 1 ? "the only step has" : "step 1 of " + steps + " has")
              + " the learning rate 0 by --warmup-from-zero: "
              + (steps == 1 ? "nothing is trained" : "it trains nothing")
              + "; leave it out, or give more --epochs or --steps";
      var settings = TinyRun.settings(TinyRun.UNTIED, data, temp.resolve("none"), "steps", steps);
      assertThat(ofRates(settings)).isEmpty();
      TrainSettings fromZero = settings.with("warmup_from_zero", true);
      assertThat(ofRates(fromZero)).isEqualTo(steps < 5 ? List.of(says) : List.of());
      assertThat(ofRates(fromZero.with("warmup", 0))).isEmpty();
    }
  }

  private static List<String> ofRates(TrainSettings settings) {
    return Training.prepare(settings, TinyRun.MACHINE).warnings().stream()
        .filter(line -> line.contains("learning rate"))
        .toList();
  }

  private List<String> warnings(Path data, Path held) {
    var settings =
        TinyRun.settings(
            TinyRun.UNTIED, data, temp.resolve("none"), "eval_data", held.toString(), "warmup", 0);
    return Training.prepare(settings, TinyRun.MACHINE).warnings();
  }

  @Test
  void aRunIsKnownByWhatItsDataHoldsAndByWhatItLeft() throws IOException {
    Path out = temp.resolve("known");
    Path data = write("k", ROW, ROW);
    Path held = write("l", TinyRun.row("valve:", " pump"));
    var settings =
        TinyRun.settings(
            TinyRun.UNTIED, data, out, "steps", 1, "eval_data", held.toString(), "rank", 4);
    TinyRun.run(settings);
    JsonNode digests = TinyRun.record(out).get("digests");
    assertThat(digests.propertyNames())
        .containsExactly(
            "base", "tokenizer", "template", "data", "eval_data", "init_adapter", "files");
    assertThat(digests.get("data").asString()).isEqualTo(ContentDigest.of(data));
    assertThat(digests.get("eval_data").asString()).isEqualTo(ContentDigest.of(held));
    assertThat(digests.get("init_adapter").isNull()).isTrue();
    assertThat(digests.get("files").propertyNames())
        .containsExactly("adapter_model.safetensors", "adapter_config.json");
    assertThat(Training.finished(settings)).isTrue();

    // names, times and the number of files say nothing
    Files.setLastModifiedTime(data, FileTime.fromMillis(1));
    Path one = write("one", ROW);
    assertThat(Training.finished(settings.with("data", List.of(one.toString(), one.toString()))))
        .isTrue();
    Path moved = Files.move(held, temp.resolve("moved"));
    assertThat(Training.finished(settings.with("eval_data", moved.toString()))).isTrue();
    Path model = settings.model().model();
    Path elsewhere = model.toAbsolutePath().resolve("..").resolve(model.getFileName());
    assertThat(
            Training.finished(
                settings.with("eval_data", moved.toString()).with("model", elsewhere)))
        .isTrue();

    Path more = write("more", ROW, ROW, ROW);
    other(
        settings.with("eval_data", moved.toString()).with("data", List.of(more.toString())),
        "--data holds other data now");
    other(settings.with("eval_data", more.toString()), "--eval-data holds other data now");
    other(settings.with("eval_data", moved.toString()).with("rank", 8), "--rank was 4 and is 8");
  }

  private static void other(TrainSettings settings, String what) {
    assertThatThrownBy(() -> Training.finished(settings))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "--out %s holds another run (state finished): %s; give another folder, or --overwrite"
                + " to replace it",
            settings.output().out(), what);
  }

  @Test
  void anAdapterToContinueFromThatHasChangedMakesAnotherRun() throws IOException {
    Path data = write("d", ROW, ROW);
    Path first = temp.resolve("first");
    TinyRun.run(TinyRun.settings(TinyRun.UNTIED, data, first, "steps", 2));
    var settings =
        TinyRun.settings(
            TinyRun.UNTIED, data, temp.resolve("second"), "steps", 1, "init_adapter", first);
    TinyRun.run(settings);
    assertThat(Training.finished(settings)).isTrue();
    TinyRun.run(TinyRun.settings(TinyRun.UNTIED, data, first, "steps 2 seed 3 overwrite true"));
    other(settings, "--init-adapter holds other data now");
  }

  @Test
  void anotherAlphaOfTheAdapterToContinueFromMakesAnotherRun() throws IOException {
    Path data = write("d", ROW, ROW);
    Path first = temp.resolve("first");
    TinyRun.run(TinyRun.settings(TinyRun.UNTIED, data, first, "steps", 1, "alpha", 32));
    var settings =
        TinyRun.settings(
            TinyRun.UNTIED, data, temp.resolve("second"), "steps", 1, "init_adapter", first);
    TinyRun.run(settings);
    assertThat(Training.finished(settings)).isTrue();
    Path config = first.resolve("adapter_config.json");
    String text = Files.readString(config);
    String other = text.replaceFirst("\"lora_alpha\": 32", "\"lora_alpha\": 64");
    assertThat(other).isNotEqualTo(text);
    Files.writeString(config, other);
    other(settings, "--learning-rate was 0.002 and is 0.0014, --init-adapter holds other data now");
    Files.writeString(config, text);
    assertThat(Training.finished(settings)).isTrue();
  }

  @Test
  void weightsOfAFullRunThatWereChangedAreNoticed() throws IOException {
    Path out = temp.resolve("full");
    var settings =
        TinyRun.settings(TinyRun.UNTIED, write("w", ROW), out, "steps 1 method full compute fp32");
    TinyRun.run(settings);
    assertThat(Training.finished(settings)).isTrue();
    Path weights = out.resolve("model.safetensors");
    Files.write(weights, new byte[1], StandardOpenOption.APPEND);
    assertThatThrownBy(() -> Training.finished(settings))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(
            " holds this run, finished, but model.safetensors is not as the run left it; ");
  }

  @Test
  void aLayoutThatFollowsFreeMemorySaysSo() throws IOException {
    Path rows = write("f", ROW, ROW);
    var free = TinyRun.settings(TinyRun.UNTIED, rows, temp.resolve("free"));
    var given = TinyRun.settings(TinyRun.UNTIED, rows, temp.resolve("given"), "memory", "1GiB");
    String says = "layout     for the ";
    assertThat(Training.prepare(free, TinyRun.MACHINE).lines()).anyMatch(l -> l.startsWith(says));
    assertThat(Training.prepare(given, TinyRun.MACHINE).lines()).noneMatch(l -> l.startsWith(says));
  }

  @Test
  void linesForThoseWhoKnowTheMachineAreMarked() throws IOException {
    List<String> plain = new ArrayList<>();
    List<String> layout = new ArrayList<>();
    Prepared prepared =
        Training.prepare(
            TinyRun.settings(TinyRun.UNTIED, write("g", ROW), temp.resolve("out"), "steps", 1),
            TinyRun.MACHINE);
    Training.run(
        prepared,
        event -> {
          if (event instanceof TrainEvent.Planned line) {
            plain.add(line.line());
          } else if (event instanceof TrainEvent.Layout line) {
            layout.add(line.line());
          }
        },
        () -> false);
    assertThat(plain)
        .anyMatch(line -> line.startsWith("compute    "))
        .anyMatch(line -> line.matches("memory     [\\d.,]+ \\wi?B"))
        .noneMatch(line -> line.contains("lanes") || line.contains("mapped"));
    assertThat(layout)
        .anyMatch(line -> line.startsWith("lanes      "))
        .anyMatch(line -> line.matches("holds      weights .* beside the mapped file, .*"))
        .anyMatch(line -> line.startsWith("layout     for the "));
    assertThat(prepared.lines()).containsAll(layout); // of a dry run
  }

  private static String state(Path out) {
    try {
      return TinyRun.record(out).get("state").asString();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
