package dev.nudge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.generate.Completion;
import dev.nudge.generate.Completions;
import dev.nudge.generate.Session;
import dev.nudge.machine.Machine;
import dev.nudge.registry.Alias;
import dev.nudge.registry.Note;
import dev.nudge.registry.Registry;
import dev.nudge.registry.Version;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.GenerateSettings;
import dev.nudge.settings.verb.MergeSettings;
import dev.nudge.settings.verb.SamplingSettings;
import dev.nudge.settings.verb.ScoreSettings;
import dev.nudge.tensor.Ledger;
import dev.nudge.train.events.RunResult;
import dev.nudge.train.events.RunState;
import dev.nudge.train.events.TrainEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Uses the library by its front door, as an application does.
class FineTuneTest {
  private static final Path MODEL = Path.of("src/test/resources/golden/llama/grouped-tied/model");

  @TempDir private Path temp;
  private final List<String> warnings = new ArrayList<>();
  private final Nudge nudge =
      Nudge.on(new Machine(2, 4L << 30, Backends.cache(), "test"), warnings::add);
  private Path rows = Path.of("");
  private Path adapter = Path.of("");

  @BeforeEach
  void writeRows() throws IOException {
    rows = temp.resolve("rows.jsonl");
    adapter = temp.resolve("adapter");
    Files.writeString(rows, "{\"prompt\": \"pump:\", \"completion\": \" seal\"}\n".repeat(16));
  }

  private TrainSettings settings() {
    return TrainSettings.of(MODEL, rows, adapter).withLearningRate(0.02).withEpochs(30);
  }

  @Test
  void anAdapterIsTrainedScoredMergedAndAnswers() {
    long before = Ledger.bytes();
    List<Double> losses = new ArrayList<>();
    RunResult result = nudge.train(settings(), TrainEvent.steps(s -> losses.add(s.loss())));
    assertThat(result.state()).isEqualTo(RunState.FINISHED);
    assertThat(losses).hasSize(30);
    assertThat(losses.getLast()).isLessThan(0.1 * losses.getFirst());

    ScoreSettings score = ScoreSettings.of(MODEL, rows);
    assertThat(nudge.score(score).greedy()).isZero();
    assertThat(nudge.score(score.withAdapter(adapter)).greedy()).isEqualTo(16);

    GenerateSettings ask = GenerateSettings.of(MODEL, "pump:").withAdapter(adapter);
    Completions.Row asked = nudge.generate(ask).getFirst();
    assertThat(asked.completion().text()).isEqualTo(" seal");
    List<Completions.Row> told = new ArrayList<>();
    var answers =
        nudge.generate(
            GenerateSettings.of(Map.of("model", MODEL, "data", rows.toString()))
                .withAdapter(adapter),
            told::add);
    assertThat(answers).hasSize(16).isEqualTo(told);
    assertThat(answers.getLast()).isEqualTo(new Completions.Row(15, asked.completion()));

    Path merged = nudge.merge(MergeSettings.of(MODEL, adapter, temp.resolve("merged"))).out();
    try (Session session = nudge.open(merged)) {
      Completion answer = session.complete("pump:");
      assertThat(answer).isEqualTo(new Completion(" seal", answer.tokens(), Completion.Stop.EOS));
    }
    assertThat(Ledger.bytes()).as("native memory left behind").isEqualTo(before);
  }

  @Test
  void aFinishedRunIsNotMadeAgain() {
    RunResult first = nudge.train(settings().withEpochs(2), event -> {});
    List<TrainEvent> events = new ArrayList<>();
    RunResult second = nudge.train(settings().withEpochs(2), events::add);
    assertThat(second).isEqualTo(first);
    assertThat(second.state()).isEqualTo(RunState.FINISHED);
    assertThat(events).hasSize(1);
    assertThat(warnings.getLast()).endsWith("; nothing to do");
  }

  @Test
  void aMergeThatIsTooFarLeavesNothing() {
    nudge.train(settings(), event -> {});
    Path out = temp.resolve("merged");
    assertThatThrownBy(() -> nudge.merge(MergeSettings.of(MODEL, adapter, out).withTolerance(0)))
        .isInstanceOf(RunException.class)
        .hasMessageContaining("above the tolerance of 0.0");
    assertThat(out).doesNotExist();
  }

  @Test
  void anotherThreadCancelsARun() throws Exception {
    long before = Ledger.bytes();
    AtomicBoolean stop = new AtomicBoolean();
    CountDownLatch running = new CountDownLatch(1);
    try (ExecutorService other = Executors.newSingleThreadExecutor()) {
      Future<RunResult> run =
          other.submit(
              () ->
                  nudge.train(
                      settings().withEpochs(100_000),
                      TrainEvent.steps(s -> running.countDown()),
                      stop::get));
      running.await();
      stop.set(true);
      assertThat(run.get().state()).isEqualTo(RunState.STOPPED);
    }
    assertThat(adapter.resolve("adapter_model.safetensors")).exists();
    assertThat(Ledger.bytes()).isEqualTo(before);
  }

  @Test
  void anInterruptStopsARunAndIsPassedOn() throws Exception {
    long before = Ledger.bytes();
    CountDownLatch running = new CountDownLatch(1);
    AtomicReference<RunState> state = new AtomicReference<>();
    AtomicBoolean interrupted = new AtomicBoolean();
    Thread run =
        new Thread(
            () -> {
              state.set(
                  nudge
                      .train(
                          settings().withEpochs(100_000),
                          TrainEvent.steps(s -> running.countDown()))
                      .state());
              interrupted.set(Thread.currentThread().isInterrupted());
            });
    run.start();
    running.await();
    run.interrupt();
    run.join();
    assertThat(state.get()).isEqualTo(RunState.STOPPED);
    assertThat(interrupted).isTrue();
    assertThat(adapter.resolve("adapter_model.safetensors")).exists();
    assertThat(Ledger.bytes()).isEqualTo(before);
  }

  @Test
  void anInterruptEndsACompletionWithinATokenAndIsPassedOn() throws Exception {
    SamplingSettings most = SamplingSettings.greedy().withMaxTokens(500);
    try (Session session = nudge.open(MODEL)) {
      Completion whole = session.complete("a valve", most, piece -> {});
      session.complete("a valve", most, piece -> {}); // packed weights are kept from now on
      long before = Ledger.bytes();
      Thread caller = Thread.currentThread();
      StringBuilder heard = new StringBuilder();
      int[] after = {0}; // pieces told after the interrupt
      Completion cut =
          session.complete(
              "a valve",
              most,
              piece -> {
                heard.append(piece);
                if (heard.length() >= 5) {
                  after[0]++;
                  caller.interrupt();
                  untilSeen(caller);
                }
              });
      assertThat(Thread.interrupted()).as("passed on").isTrue();
      assertThat(cut.stop()).isEqualTo(Completion.Stop.INTERRUPTED);
      assertThat(cut.tokens()).isBetween(1, whole.tokens() - 1);
      assertThat(after[0]).as("pieces from the interrupt on").isLessThanOrEqualTo(3);
      assertThat(cut.text()).isEqualTo(heard.toString());
      assertThat(whole.text()).startsWith(cut.text());
      assertThat(Ledger.bytes()).isEqualTo(before);

      caller.interrupt(); // before it begins
      assertThat(session.complete("a valve", most, piece -> {}).tokens()).isZero();
      assertThat(Thread.interrupted()).isTrue();
      assertThat(session.complete("a valve", most, piece -> {})).isEqualTo(whole);
    }
  }

  /// Waits until a thread has taken notice of its interrupt: its flag is down again.
  private static void untilSeen(Thread thread) {
    while (thread.isInterrupted()) {
      Thread.onSpinWait();
    }
  }

  @Test
  void anInterruptEndsTheRowsOfAGenerationAndSaysHowManyAreDone() throws Exception {
    long before = Ledger.bytes();
    Files.writeString(rows, "{\"prompt\": \"pump:\", \"completion\": \" seal\"}\n".repeat(64));
    Thread caller = Thread.currentThread();
    List<Completions.Row> told = new ArrayList<>();
    GenerateSettings settings =
        GenerateSettings.of(Map.of("model", MODEL, "data", rows.toString(), "lanes", 1));
    assertThatThrownBy(
            () ->
                nudge.generate(
                    settings,
                    row -> {
                      told.add(row);
                      if (told.size() == 16) { // the first of four groups
                        caller.interrupt();
                      }
                    }))
        .isInstanceOf(RunException.class)
        .hasMessage("interrupted: 16 of 64 prompts are completed");
    assertThat(Thread.interrupted()).isTrue();
    assertThat(told).hasSize(16);
    assertThat(Ledger.bytes()).isEqualTo(before);
  }

  @Test
  void threadsShareASessionAndItsEndWaitsForThem() throws Exception {
    SamplingSettings some = SamplingSettings.greedy().withMaxTokens(40);
    Session session = nudge.open(MODEL);
    List<String> prompts = List.of("pump:", "valve: a seal", "a ".repeat(200));
    List<String> alone =
        prompts.stream().map(p -> session.complete(p, some, t -> {}).text()).toList();
    Session shared = nudge.open(MODEL);
    try (ExecutorService pool = Executors.newFixedThreadPool(3)) {
      List<Future<String>> answers = new ArrayList<>();
      for (int i = 0; i < 12; i++) {
        String prompt = prompts.get(i % 3);
        answers.add(pool.submit(() -> shared.complete(prompt, some, piece -> {}).text()));
      }
      for (int i = 0; i < 12; i++) {
        assertThat(answers.get(i).get()).isEqualTo(alone.get(i % 3));
      }
      CountDownLatch last = new CountDownLatch(1);
      Future<String> answer =
          pool.submit(() -> shared.complete("pump:", some, piece -> last.countDown()).text());
      last.await();
      shared.close();
      assertThat(answer.get()).isEqualTo(alone.getFirst());
    }
    session.close();
    assertThatThrownBy(() -> shared.complete("pump:"))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("the session is closed");
  }

  @Test
  void anErrorNamesTheWithersAndNoFlag() {
    nudge.train(settings(), event -> {});
    assertThatThrownBy(() -> nudge.train(settings().withRank(3), event -> {}))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("withRank was ")
        .hasMessageEndingWith("and is 3; give another folder, or withOverwrite to replace it")
        .hasMessageNotContaining("--");
    assertThatThrownBy(() -> settings().withMaxLength(1))
        .hasMessage("withMaxLength is 1; it must be at least 2");
  }

  @Test
  void aMistakeIsOneLineBeforeAnythingIsWritten() {
    assertThatThrownBy(() -> nudge.train(settings().withTargets("no_such_layer"), event -> {}))
        .isInstanceOf(InputException.class);
    assertThat(adapter).doesNotExist();
  }

  @Test
  void aVersionOfARegistryStandsWhereAnAdapterDoes() {
    Path folder = temp.resolve("registry");
    nudge.train(settings().withEpochs(3), event -> {});
    Registry registry = nudge.registry(folder);
    Version first = registry.push("support", adapter, Note.of("first")).version();
    registry.alias("support", "champion", first, Alias.Expected.NONE, Note.of(null));
    ScoreSettings score = ScoreSettings.of(MODEL, rows).withRegistry(folder);
    double direct = nudge.score(score.withAdapter(adapter)).loss();
    for (String reference : List.of("support@champion", "support:1", "registry:support:1")) {
      assertThat(nudge.score(score.withAdapter(Path.of(reference))).loss()).isEqualTo(direct);
    }
    MergeSettings merge =
        MergeSettings.of(MODEL, Path.of("support@champion"), temp.resolve("merged"))
            .withRegistry(folder);
    assertThat(nudge.merge(merge).accepted()).isTrue();
    try (Session session = nudge.open(MODEL, first.folder())) {
      assertThat(session.complete("pump:").text()).isNotNull();
    }
    TrainSettings on =
        TrainSettings.of(MODEL, rows, temp.resolve("second"))
            .withInitAdapter(Path.of("support:1"))
            .withRegistry(folder)
            .withSteps(1);
    nudge.train(on, event -> {});
    Version second = registry.push("support", temp.resolve("second"), Note.of("goes on")).version();
    assertThat(registry.lineage(second).path("parent_version").asString())
        .isEqualTo(first.digest());
    assertThatThrownBy(() -> nudge.score(score.withAdapter(Path.of("support@canary"))))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("there is no support@canary");
  }
}
