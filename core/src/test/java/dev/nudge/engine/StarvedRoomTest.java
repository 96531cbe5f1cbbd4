package dev.nudge.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.Latches;
import dev.nudge.Seeds;
import dev.nudge.adapter.NamedAdapters;
import dev.nudge.data.tokens.Example;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.BusyException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Tensor;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Rows and texts that wait for the room of a sequence that runs, and those that wait behind them.
@Timeout(value = 1800, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class StarvedRoomTest {
  private static final Path FOLDER = Path.of("src/test/resources/golden/extras/untied/model");

  private final Random random = new Random(Seeds.next());
  private final ModelConfig config = ModelConfig.load(FOLDER);
  private final CausalLm model = Checkpoint.load(FOLDER, config, Backends.of(Compute.FP32));
  private final NamedAdapters none = new NamedAdapters(model.modules(), model.backend().compute());
  private final List<Example> rows = List.of(Example.of(prompt(600)));
  private final CountDownLatch answers = new CountDownLatch(1);
  private final CountDownLatch go = new CountDownLatch(1);

  @AfterEach
  void close() {
    none.close();
    model.close();
  }

  private int[] prompt(int tokens) {
    return random.ints(tokens, 0, config.vocabSize()).toArray();
  }

  /// An engine whose memory is that of one workspace, or of sequences, but not of both.
  private Engine engine(long bytes) {
    assertThat(bytes).isGreaterThan(model.keyValueBytes(256));
    return new Engine(model, none, new Limits(2, bytes, 256, false));
  }

  private Engine scoring() {
    model.reserve(600);
    return engine(model.measured().scoreBytes(600, 600));
  }

  /// Stops the engine's thread within its first token until it may go on, and says few more.
  private Caller held() {
    return (logits, row, ids, count) -> {
      answers.countDown();
      Latches.await(go);
      return count > 12 ? Caller.END : 1;
    };
  }

  /// Returns once the asker has handed its work to the engine and waits for the end of it.
  private static void untilItWaits(Thread asker) {
    while (asker.getState() != Thread.State.WAITING
        || Arrays.stream(asker.getStackTrace())
            .noneMatch(f -> f.getClassName().equals(Ticket.class.getName()))) {
      Thread.yield();
    }
  }

  @Test
  void aSequenceBehindRowsThatWaitedIsAnswered() throws Exception {
    try (Engine engine = scoring()) {
      Ticket first = engine.submit(prompt(10), 60, null, held());
      answers.await();
      CompletableFuture<Integer> scored = new CompletableFuture<>();
      Thread asker =
          Thread.ofPlatform().start(() -> scored.complete(engine.score(rows, 1, null).size()));
      untilItWaits(asker);
      Ticket behind = engine.submit(prompt(10), 60, null, (logits, row, ids, count) -> Caller.END);
      go.countDown();
      first.await();
      assertThat(scored.get()).isEqualTo(1);
      behind.await();
    }
  }

  @Test
  void oneOfLowPriorityMakesRoomForRows() throws Exception {
    try (Engine engine = scoring()) {
      CompletableFuture<Throwable> ended = new CompletableFuture<>();
      Caller endless =
          new Caller() {
            @Override
            public int next(Tensor logits, int row, int[] ids, int count) {
              answers.countDown();
              return 1;
            }

            @Override
            public void ended(@Nullable Throwable failure) {
              ended.complete(failure);
            }
          };
      SequenceRequest ask =
          new SequenceRequest(prompt(10), 256, none.attachment(null), "", true, false);
      engine.submit(ask, endless);
      answers.await();
      assertThat(engine.score(rows, 1, null)).hasSize(1);
      assertThat(ended.get()).isInstanceOf(BusyException.class);
    }
  }

  @Test
  void aTextThatWaitsCanBeInterrupted() throws Exception {
    model.reserve(600);
    try (Engine engine = engine(model.measured().embedBytes(600))) {
      Ticket first = engine.submit(prompt(10), 60, null, held());
      answers.await();
      CompletableFuture<Throwable> failed = new CompletableFuture<>();
      Thread asker =
          Thread.ofPlatform()
              .start(
                  () -> {
                    try {
                      engine.embed(prompt(600), null);
                      failed.complete(new AssertionError("it was embedded"));
                    } catch (RuntimeException e) {
                      failed.complete(e);
                    }
                  });
      untilItWaits(asker);
      asker.interrupt();
      while (asker.isInterrupted()) { // it cancels, then waits again
        Thread.yield();
      }
      untilItWaits(asker);
      go.countDown();
      assertThat(failed.get()).isInstanceOf(RunException.class).hasMessageContaining("interrupted");
      first.await();
    }
  }
}
