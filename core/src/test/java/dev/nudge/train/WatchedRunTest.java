package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Seeds;
import dev.nudge.generate.Completions;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.train.OnDivergence;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.GenerateSettings;
import dev.nudge.tensor.Ledger;
import dev.nudge.train.checkpoint.RunCheckpoints;
import dev.nudge.train.events.RunResult;
import dev.nudge.train.events.RunState;
import dev.nudge.train.events.TrainEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// What is looked at while a run is made: patience, samples and divergence; each ends the same when
/// the run is stopped on its way and goes on.
class WatchedRunTest {
  private static final int STEPS = 40;
  private static final List<String> WEIGHTS =
      List.of("adapter_model.safetensors", "last/adapter_model.safetensors");

  @TempDir private static Path good;

  @TempDir private Path temp;
  private Path rows;
  private Path held;
  private final List<TrainEvent> events = new ArrayList<>();

  @BeforeEach
  void rows() throws IOException {
    rows = TinyRun.rows(temp.resolve("rows"), 11, 40, 1);
    held = TinyRun.rows(temp.resolve("held"), 3, 30, 2);
  }

  private TrainSettings settings(Path out, double rate) {
    return TinyRun.settings(
        TinyRun.TIED,
        rows,
        out,
        "eval_steps 2 batch_size 4 schedule constant warmup 0 dropout 0.1 compute fp32"
            + " lanes 2 threads 1 memory 1G save_steps 1 keep 2",
        "eval_data",
        held.toString(),
        "steps",
        STEPS,
        "learning_rate",
        rate);
  }

  private RunResult run(TrainSettings settings) {
    return run(settings, Integer.MAX_VALUE);
  }

  private RunResult run(TrainSettings settings, int steps) {
    int[] made = {0};
    events.clear();
    return Training.run(
        Training.prepare(settings, TinyRun.MACHINE),
        event -> {
          events.add(event);
          made[0] += event instanceof TrainEvent.Step ? 1 : 0;
        },
        () -> made[0] >= steps);
  }

  private <E extends TrainEvent> List<E> told(Class<E> kind) {
    return events.stream().filter(kind::isInstance).map(kind::cast).toList();
  }

  /// A rate at which the held-out loss of these rows soon rises.
  private TrainSettings impatient(Path out) {
    return settings(out, 0.5).withPatience(3);
  }

  @Test
  void patienceEndsARunWellAndKeepsTheBest() throws IOException {
    Path out = temp.resolve("out");
    RunResult result = run(impatient(out));
    assertThat(result.state()).isEqualTo(RunState.FINISHED);
    assertThat(result.stoppedEarly()).isTrue();
    int best = java.util.Objects.requireNonNull(result.bestStep());
    assertThat(result.steps()).isEqualTo(best + 6).isLessThan(STEPS);
    assertThat(TinyRun.metrics(out, "loss")).hasSize(result.steps());
    JsonNode totals = TinyRun.record(out).path("totals");
    assertThat(totals.path("stopped_early").asBoolean(false)).isTrue();
    assertThat(TinyRun.record(out).path("state").asString("")).isEqualTo("finished");
    assertThat(told(TrainEvent.Finished.class).getLast().early())
        .isEqualTo("3 held-out losses without a new lowest (--patience)");
    assertThat(out.resolve("last")).isDirectory();
    assertThat(Training.finished(impatient(out))).isTrue();
  }

  @Test
  void aRunThatGoesToItsPlannedEndDidNotStopEarly() throws IOException {
    Path out = temp.resolve("out");
    RunResult result = run(settings(out, 0.01).withPatience(STEPS));
    assertThat(result.steps()).isEqualTo(STEPS);
    assertThat(result.stoppedEarly()).isFalse();
    assertThat(told(TrainEvent.Finished.class).getLast().early()).isNull();
    TrainEvent.Started started = told(TrainEvent.Started.class).getFirst();
    assertThat(started.evaluations()).isEqualTo(STEPS / 2);
    assertThat(told(TrainEvent.Evaluated.class)).hasSize(1 + STEPS / 2);
  }

  /// Behind the first held-out loss, at one, and at the last; and at another one each time.
  @Test
  void aRunThatStopsEarlyDoesSoTooWhereItWasStopped() throws IOException {
    stoppedBefore(steps -> IntStream.of(1, 2, steps - 1, 1 + Seeds.random().nextInt(steps - 1)));
  }

  @Test
  @Tag("slow")
  void aRunThatStopsEarlyDoesSoTooWhereItWasStoppedAfterAnyStep() throws IOException {
    stoppedBefore(steps -> IntStream.range(1, steps));
  }

  private void stoppedBefore(IntFunction<IntStream> chosen) throws IOException {
    Path whole = temp.resolve("whole");
    TrainSettings settings = impatient(whole).withSamplePrompt("seal pump").withSampleTokens(4);
    int steps = run(settings).steps();
    Map<String, String> files = ResumeTest.fixed(whole);
    assertThat(files).containsKey("samples.jsonl");
    for (int k : chosen.apply(steps).distinct().toArray()) {
      Path out = temp.resolve("out" + k);
      TrainSettings again = settings.withOut(out);
      assertThat(run(again, k).state()).isEqualTo(RunState.STOPPED);
      RunResult rest = run(again);
      assertThat(rest.stoppedEarly()).as("after %d", k).isTrue();
      assertThat(ResumeTest.fixed(out)).as("stopped after %d", k).isEqualTo(files);
    }
  }

  @Test
  void aRunStoppedAfterEachStepStopsEarlyAtTheSame() throws IOException {
    Path whole = temp.resolve("whole");
    TrainSettings settings = impatient(whole).withSamples(2).withSampleTokens(4);
    run(settings);
    Path out = temp.resolve("out");
    while (run(settings.withOut(out), 1).state() == RunState.STOPPED) {}
    assertThat(ResumeTest.fixed(out)).isEqualTo(ResumeTest.fixed(whole));
  }

  @Test
  void samplesChangeNoBitOfTrainingAndLeaveNoMemory() throws IOException {
    Path plain = temp.resolve("plain");
    Path sampled = temp.resolve("sampled");
    TrainSettings settings = settings(plain, 0.02).withSteps(8);
    run(settings);
    long before = Ledger.bytes();
    run(
        settings
            .withOut(sampled)
            .withSamplePrompt("seal", "pump valve seal pump valve seal pump valve seal pump valve")
            .withSamples(2)
            .withSampleTokens(70));
    assertThat(Ledger.bytes()).isEqualTo(before);
    for (String file : WEIGHTS) {
      assertThat(Files.exists(sampled.resolve(file))).isEqualTo(Files.exists(plain.resolve(file)));
      if (Files.exists(plain.resolve(file))) {
        assertThat(sampled.resolve(file)).hasSameBinaryContentAs(plain.resolve(file));
      }
    }
    Map<String, String> a = ResumeTest.fixed(plain);
    Map<String, String> b = ResumeTest.fixed(sampled);
    assertThat(b.get("metrics")).isEqualTo(a.get("metrics"));
    assertThat(plain.resolve("samples.jsonl")).doesNotExist();
  }

  @Test
  void eachPromptIsAnsweredAtEachHeldOutLoss() throws IOException {
    Path out = temp.resolve("out");
    run(
        settings(out, 0.02)
            .withSteps(4)
            .withSamplePrompt("seal")
            .withSamples(2)
            .withSampleTokens(5));
    List<String> lines = Files.readAllLines(out.resolve("samples.jsonl"));
    assertThat(lines).hasSize(3 * 3);
    JsonNode first = new ObjectMapper().readTree(lines.getFirst());
    assertThat(first.propertyNames()).containsExactly("step", "prompt", "completion");
    assertThat(first.path("step").asInt(-1)).isZero();
    assertThat(first.path("prompt").asString("")).isEqualTo("seal");
    JsonNode row = new ObjectMapper().readTree(Files.readAllLines(held).getFirst());
    assertThat(new ObjectMapper().readTree(lines.get(1)).path("prompt"))
        .isEqualTo(row.path("prompt"));
    assertThat(told(TrainEvent.Sampled.class)).hasSize(9);
    run(settings(out, 0.02).withSteps(2).withOverwrite(true));
    assertThat(out.resolve("samples.jsonl")).doesNotExist();
  }

  @Test
  void anAnswerIsThatOfGenerate() throws IOException {
    Path out = temp.resolve("out");
    TrainSettings settings =
        settings(out, 0.02).withSteps(2).withSamplePrompt("seal pump").withSampleTokens(9);
    run(settings);
    var completion =
        Completions.of(
            GenerateSettings.of(TinyRun.TIED, "seal pump")
                .withAdapter(out)
                .withCompute(Compute.FP32)
                .withMaxTokens(9),
            TinyRun.MACHINE,
            null,
            new Completions.Watcher() {});
    assertThat(told(TrainEvent.Sampled.class).getLast().completion())
        .isEqualTo(completion.rows().getFirst().completion().text());
  }

  @Test
  void promptsThatCannotBeAnsweredAreRefused() {
    TrainSettings settings = settings(temp.resolve("out"), 0.02).withMaxLength(40);
    assertThatThrownBy(
            () -> Training.prepare(settings.withSamplePrompt("seal ".repeat(40)), TinyRun.MACHINE))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("--sample-prompt has ")
        .hasMessageEndingWith(
            "which leaves none of --max-length 40 for an answer; shorten it or raise --max-length");
  }

  @Test
  void rowsOfTextHaveNoPrompt() throws IOException {
    Path text = Files.writeString(temp.resolve("text"), "{\"text\": \"seal pump\"}\n");
    TrainSettings settings =
        settings(temp.resolve("out"), 0.02).withEvalData(text.toString()).withSamples(3);
    assertThatThrownBy(() -> Training.prepare(settings, TinyRun.MACHINE))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "--samples 3: no held-out row has a prompt that leaves room for an answer; give"
                + " --sample-prompt instead");
  }

  @Test
  void promptsToAnswerTakeMemoryOfThePlan() {
    TrainSettings settings = settings(temp.resolve("out"), 0.02);
    long plain = Training.prepare(settings, TinyRun.MACHINE).plan().totalBytes();
    long one =
        Training.prepare(settings.withSamplePrompt("seal"), TinyRun.MACHINE).plan().totalBytes();
    long two = Training.prepare(settings.withSamples(3), TinyRun.MACHINE).plan().totalBytes();
    assertThat(one).isGreaterThan(plain);
    assertThat(two).isGreaterThan(one);
  }

  /// A run that goes on from a good adapter with a rate at which its loss explodes.
  private TrainSettings exploding(Path out) {
    Path adapter = good.resolve("adapter"); // the same rows, so one for all tests
    if (!Files.exists(adapter)) {
      run(
          settings(adapter, 0.01)
              .withSteps(60)
              .withDropout(0)
              .withEvalSteps(60)
              .withSaveSteps(60)
              .withKeep(0));
    }
    return settings(out, 0.1).with("warmup", 20).withInitAdapter(adapter);
  }

  @Test
  void aRunThatDivergesSaysSoOnceACauseAndInItsTotals() throws IOException {
    Path out = temp.resolve("out");
    TrainSettings settings = exploding(out);
    RunResult result = run(settings);
    assertThat(result.state()).isEqualTo(RunState.FINISHED);
    List<TrainEvent.Diverged> signs = told(TrainEvent.Diverged.class);
    assertThat(signs).extracting(TrainEvent.Diverged::cause).doesNotHaveDuplicates();
    assertThat(signs.getFirst().cause()).isEqualTo(TrainEvent.Diverged.Cause.LOSS);
    assertThat(signs.getFirst().line())
        .contains("the loss has been above its start for 10 steps")
        .contains("lower --learning-rate (now 0.1), or give a longer --warmup");
    assertThat(result.divergedStep()).isEqualTo(signs.getFirst().step());
    assertThat(TinyRun.record(out).path("totals").path("diverged_step").asInt(0))
        .isEqualTo(signs.getFirst().step());
  }

  @Test
  void aRunMayEndWhereItDiverges() throws IOException {
    Path out = temp.resolve("out");
    TrainSettings settings = exploding(out).withOnDivergence(OnDivergence.STOP);
    assertThatThrownBy(() -> run(settings))
        .isInstanceOf(RunException.class)
        .hasMessageContaining("above its start")
        .hasMessageEndingWith("; the best so far is kept (--on-divergence stop)");
    int step = told(TrainEvent.Diverged.class).getFirst().step();
    assertThat(told(TrainEvent.Failed.class))
        .singleElement()
        .satisfies(e -> assertThat(e.step()).isEqualTo(step));
    assertThat(Files.readAllLines(out.resolve("events.jsonl")))
        .last()
        .asString()
        .contains("\"event\":\"failed\"");
    JsonNode record = TinyRun.record(out);
    assertThat(record.path("state").asString("")).isEqualTo("failed");
    assertThat(record.path("totals").path("diverged_step").asInt(0)).isEqualTo(step);
    assertThat(out.resolve("adapter_model.safetensors")).exists();
    assertThat(out.resolve("last/adapter_model.safetensors")).exists();
    // the same command meets the same end, and one that only warns goes on
    assertThatThrownBy(() -> run(settings)).isInstanceOf(RunException.class);
    RunResult rest = run(settings.withOnDivergence(OnDivergence.WARN));
    assertThat(rest.steps()).isEqualTo(STEPS);
    assertThat(rest.divergedStep()).isEqualTo(step);
    Path whole = temp.resolve("whole");
    run(exploding(whole));
    assertThat(ResumeTest.fixed(out)).isEqualTo(ResumeTest.fixed(whole));
  }

  @Test
  void aRunThatGoesOnKnowsWhereItDivergedAndTellsNothingTwice() throws IOException {
    Path whole = temp.resolve("whole");
    Integer step = run(exploding(whole)).divergedStep();
    List<TrainEvent.Diverged> signs = told(TrainEvent.Diverged.class);
    Path out = temp.resolve("out");
    List<TrainEvent.Diverged> seen = new ArrayList<>();
    RunResult result;
    TrainSettings settings = exploding(out);
    do {
      result = run(settings, 3);
      seen.addAll(told(TrainEvent.Diverged.class));
    } while (result.state() == RunState.STOPPED);
    assertThat(result.divergedStep()).isEqualTo(step);
    assertThat(seen).isEqualTo(signs);
  }

  @Test
  void theCommandOfEventsIsNotRecorded() throws IOException {
    Path out = temp.resolve("out");
    run(settings(out, 0.02).withSteps(2).withOnEvent("true secret"));
    for (Path file :
        List.of(
            out.resolve("run.json"),
            RunCheckpoints.all(out).getFirst().resolve("checkpoint.json"))) {
      assertThat(Files.readString(file)).doesNotContain("secret").doesNotContain("on_event");
    }
    assertThat(Training.given(out)).doesNotContainKey("on_event");
    assertThat(Training.finished(settings(out, 0.02).withSteps(2))).isTrue();
  }
}
