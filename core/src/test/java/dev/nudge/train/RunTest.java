package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.format.SafeTensors;
import dev.nudge.settings.RunException;
import dev.nudge.settings.Schedule;
import dev.nudge.settings.TrainSettings;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

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
  void aStepThatIsNotANumberIsSkippedAndCounts() throws IOException {
    Path model = TinyRun.poisoned(temp.resolve("model"));
    Path data = write("rows", ROW, ROW, ROW, BAD, ROW, ROW); // two a step: the second is bad
    Path out = temp.resolve("out");
    List<String> warnings = new ArrayList<>();
    TrainSettings settings =
        TinyRun.settings(
            model, data, out, "batch_size", 2, "shuffle", false, "steps", 8, "compute", "fp32");
    Training.run(
        Training.prepare(settings, TinyRun.MACHINE),
        event -> {
          if (event instanceof TrainEvent.Warning w) {
            warnings.add(w.line());
          }
        },
        () -> false);
    List<JsonNode> steps = TinyRun.metrics(out, "loss");
    LearningRate rate = new LearningRate(Schedule.LINEAR, 2e-4, 1, 8);
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
            "step 2 is skipped: its loss or gradient is not a finite number",
            "step 5 is skipped: its loss or gradient is not a finite number",
            "step 8 is skipped: its loss or gradient is not a finite number");
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
            "batch_size",
            1,
            "shuffle",
            false,
            "eval_data",
            write("held", ROW).toString(),
            "eval_steps",
            3,
            "learning_rate",
            0.01);
    assertThatThrownBy(() -> TinyRun.run(settings))
        .isInstanceOf(RunException.class)
        .hasMessage(
            "the loss was not finite for 10 steps in a row; the best so far is kept; lower"
                + " --learning-rate");
    assertThat(TinyRun.record(out).get("state").asString()).isEqualTo("failed");
    assertThat(total(out, "steps").asInt()).isEqualTo(13);
    assertThat(total(out, "best_step").asInt()).isEqualTo(3);
    assertThat(TinyRun.metrics(out, "loss")).hasSize(13);
    isFinite(out);
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
            "compute",
            "fp32",
            "batch_size",
            4,
            "steps",
            12,
            "warmup",
            "2",
            "rank",
            8,
            "schedule",
            "constant",
            "learning_rate",
            0.02,
            "eval_data",
            held.toString(),
            "eval_steps",
            4));
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
    String cut = TinyRun.row("pump ".repeat(40), " seal");
    String[] rows = new String[15];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = i == 1 ? ROW : cut;
    }
    Path out = temp.resolve("out");
    RunResult result =
        TinyRun.run(
            TinyRun.settings(
                TinyRun.TIED,
                write("rows", rows),
                out,
                "batch_size",
                1,
                "shuffle",
                false,
                "max_length",
                20,
                "truncate",
                true));
    assertThat(result.state()).isEqualTo(RunState.FINISHED);
    List<JsonNode> steps = TinyRun.metrics(out, "loss");
    assertThat(steps).hasSize(15);
    assertThat(steps.get(0).get("loss").isNull()).isTrue();
    assertThat(steps.get(1).get("loss").isNull()).isFalse();
    assertThat(steps.get(2).get("trained_tokens").asInt()).isZero();
    assertThat(Objects.requireNonNull((Map<?, ?>) result.values().get("totals")).get("steps"))
        .isEqualTo(15);
    isFinite(out);
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
    assertThat(out.resolve("adapter_model.safetensors")).exists();
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
    assertThat(prepared.lines().getFirst()).endsWith("held out 1 rows, 1 bad rows set aside");
    assertThat(prepared.values()).containsEntry("eval_bad_rows", 1).containsEntry("bad_rows", 0);
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

  private static String state(Path out) {
    try {
      return TinyRun.record(out).get("state").asString();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
