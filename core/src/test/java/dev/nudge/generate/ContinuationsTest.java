package dev.nudge.generate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.Latches;
import dev.nudge.adapter.NamedAdapters;
import dev.nudge.engine.Caller;
import dev.nudge.engine.Engine;
import dev.nudge.engine.SequenceRequest;
import dev.nudge.engine.Ticket;
import dev.nudge.machine.Machine;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.SamplingSettings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// How an evaluation asks for its answers; what they say is held to lm-evaluation-harness by the
/// tests of evaluations.
@Timeout(value = 1800, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ContinuationsTest {
  private static final Path MODEL = Path.of("src/test/resources/golden/llama/grouped-tied/model");
  private static final Machine MACHINE = new Machine(2, 4L << 30, Backends.cache(), "test");
  private static final int PLACES = 8;
  private static final int LOOKS = 1000;

  private final List<Continuations.Prompt> prompts =
      IntStream.range(0, 40)
          .mapToObj(
              i ->
                  new Continuations.Prompt(
                      IntStream.range(0, 5 + i % 3).map(j -> 3 + (7 * i + j) % 50).toArray(),
                      List.of(),
                      2 + 7 * i % 23,
                      SamplingSettings.greedy(),
                      i))
          .toList();

  /// Counts the passes that read prompts: an engine takes one job between two steps, so jobs that
  /// queue before the first step see every step.
  private static long passes(Engine engine, int asked, Runnable asks) throws Exception {
    CountDownLatch in = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    List<Long> read = new ArrayList<>(); // by the engine's thread alone
    List<Thread> threads = new ArrayList<>();
    threads.add(
        Thread.startVirtualThread(
            () ->
                engine.between(
                    () -> {
                      in.countDown();
                      Latches.await(go);
                    })));
    Latches.await(in);
    for (int i = 0; i < LOOKS; i++) {
      threads.add(
          Thread.startVirtualThread(
              () -> engine.between(() -> read.add(engine.load().promptTokens()))));
    }
    Thread asking = Thread.startVirtualThread(asks);
    while (engine.load().waiting() < asked
        || threads.stream().anyMatch(t -> t.getState() != Thread.State.WAITING)) {
      Thread.sleep(5);
    }
    go.countDown();
    asking.join();
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(read).hasSize(LOOKS);
    assertThat(read.getLast()).isEqualTo(read.get(LOOKS - 2)); // there were enough of them
    return read.stream().distinct().count() - 1;
  }

  @Test
  void promptsAreReadTogetherThoughTheirAnswersEndOneByOne() throws Exception {
    try (Session session =
        Session.load(ModelSettings.of(MODEL).withMaxLength(64), null, MACHINE, warning -> {})) {
      session.sequences(PLACES);
      int[] tokens = new int[prompts.size()];
      long patient =
          passes(
              session.engine(),
              prompts.size(),
              () ->
                  Continuations.of(session, null, prompts, (said, i) -> tokens[i] = said.tokens()));
      assertThat(Arrays.stream(tokens).distinct().count()).isGreaterThan(PLACES);
      List<SequenceRequest> asks = prompts.stream().map(ContinuationsTest::hasty).toList();
      long hasty = passes(session.engine(), asks.size(), () -> say(session, asks, tokens));
      assertThat(hasty).isGreaterThan(2 * patient);
    }
  }

  private static SequenceRequest hasty(Continuations.Prompt prompt) {
    return SequenceRequest.of(
        prompt.ids(), prompt.ids().length + prompt.maxTokens(), NamedAdapters.Attachment.BASE);
  }

  /// Asks for as many tokens of each, and does not say that it may wait.
  private static void say(Session session, List<SequenceRequest> asks, int[] tokens) {
    List<Ticket> tickets = new ArrayList<>();
    for (int i = 0; i < asks.size(); i++) {
      int most = tokens[i];
      int[] said = {0};
      Caller caller = (logits, row, ids, count) -> ++said[0] == most ? Caller.END : 3 + count % 50;
      tickets.add(session.engine().submit(asks.get(i), caller));
    }
    tickets.forEach(Ticket::await);
  }
}
