package dev.nudge.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Backends;
import dev.nudge.engine.Limits;
import dev.nudge.engine.Load;
import dev.nudge.machine.Machine;
import dev.nudge.settings.BusyException;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.SamplingSettings;
import dev.nudge.tensor.Ledger;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Many clients ask one session, each of its own adapter.
@Timeout(1800)
class ServingTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final Path MODEL = GOLDEN.resolve("llama/grouped-tied/model");
  private static final Path ONE = GOLDEN.resolve("peft/all-linear/adapter");
  private static final Path OTHER = GOLDEN.resolve("peft/patterns-rslora/adapter");
  private static final Machine MACHINE = new Machine(2, 4L << 30, Backends.cache(), "test");

  private final long before = Ledger.bytes();
  private Session session;

  @BeforeEach
  void open() {
    session = load(null);
  }

  private static Session load(@Nullable Path adapter) {
    return Session.load(ModelSettings.of(MODEL), adapter, MACHINE, warning -> {});
  }

  @AfterEach
  void close() {
    session.close();
    assertThat(Ledger.bytes()).isEqualTo(before);
  }

  /// Writes down what it is told.
  private static class Told implements Consumer<AnswerEvent> {
    final List<String> texts = Collections.synchronizedList(new ArrayList<>());
    final List<Completion> done = Collections.synchronizedList(new ArrayList<>());
    final List<TokenLogprob> tokens = Collections.synchronizedList(new ArrayList<>());
    final CountDownLatch begun = new CountDownLatch(1);
    volatile @Nullable Throwable failure;

    @Override
    public void accept(AnswerEvent event) {
      switch (event) {
        case AnswerEvent.Piece(int choice, String text, List<TokenLogprob> more) -> {
          texts.add(text);
          tokens.addAll(more);
          begun.countDown();
        }
        case AnswerEvent.Done(int choice, Completion completion) -> done.add(completion);
        case AnswerEvent.Failed(Throwable why) -> failure = why;
        case AnswerEvent.Prompted _, AnswerEvent.Ended _ -> {}
      }
    }
  }

  private static SamplingSettings greedy(int tokens) {
    return SamplingSettings.greedy().withMaxTokens(tokens);
  }

  private GenerationRequest request(String prompt, int tokens) {
    return GenerationRequest.of(session.encode(prompt), greedy(tokens));
  }

  @Test
  void eachRequestGoesThroughItsOwnAdapterAndSaysWhatThatSaysAlone() {
    List<Path> adapters = new ArrayList<>();
    adapters.add(null);
    adapters.add(ONE);
    adapters.add(OTHER);
    List<String> alone = new ArrayList<>();
    for (Path adapter : adapters) {
      try (Session one = load(adapter)) {
        alone.add(one.complete("pump station", greedy(20), piece -> {}).text());
      }
    }
    List<Told> told = new ArrayList<>();
    List<Serving.Running> running = new ArrayList<>();
    for (int i = 0; i < 30; i++) {
      Path adapter = adapters.get(i % 3);
      GenerationRequest request = request("pump station", 20).withClient("client " + i % 4);
      told.add(new Told());
      if (adapter == null) {
        running.add(session.serving().start(request, told.getLast()));
      } else {
        try (AdapterCache.Lease lease = session.cache().lease(adapter.toString(), adapter, "a")) {
          running.add(session.serving().start(request.withAdapter(lease), told.getLast()));
        }
      }
    }
    for (int i = 0; i < 30; i++) {
      Usage usage = running.get(i).await();
      assertThat(told.get(i).failure).isNull();
      assertThat(told.get(i).done).hasSize(1);
      assertThat(told.get(i).done.getFirst().text()).isEqualTo(alone.get(i % 3));
      assertThat(String.join("", told.get(i).texts)).isEqualTo(alone.get(i % 3));
      assertThat(usage.promptTokens()).isEqualTo(session.encode("pump station").length);
      assertThat(usage.completionTokens()).isEqualTo(told.get(i).done.getFirst().tokens());
      assertThat(usage.queueSeconds()).isBetween(0.0, usage.firstTokenSeconds());
      assertThat(usage.firstTokenSeconds()).isBetween(0.0, usage.seconds());
    }
    assertThat(alone.stream().distinct()).hasSize(3);
    assertThat(session.cache().loaded()).hasSize(2).allMatch(l -> l.leases() == 0);
    assertThat(session.serving().stats().generationTokens()).isPositive();
  }

  @Test
  void aPromptIsToldWithTheLogProbabilitiesThatItHasAsAnAnswer() {
    session.close();
    ModelSettings exact = ModelSettings.of(MODEL).withCompute(Compute.FP32);
    session = Session.load(exact, null, MACHINE, warning -> {});
    SamplingSettings thought = greedy(300).withLogprobs(true).withTopLogprobs(2);
    Told said = new Told();
    session.serving().start(GenerationRequest.of(session.encode("pump"), thought), said).await();
    int[] first = session.encode("pump");
    int[] all = new int[first.length + said.tokens.size()];
    System.arraycopy(first, 0, all, 0, first.length);
    for (int i = first.length; i < all.length; i++) {
      all[i] = said.tokens.get(i - first.length).id();
    }
    List<TokenLogprob> prompt = new ArrayList<>();
    Told again =
        new Told() {
          @Override
          public void accept(AnswerEvent event) {
            super.accept(event);
            if (event instanceof AnswerEvent.Prompted(int _, List<TokenLogprob> tokens)) {
              assertThat(texts).isEmpty();
              prompt.addAll(tokens);
            }
          }
        };
    for (int i = 0; i < 2; i++) { // the second time its keys are there
      prompt.clear();
      again.texts.clear();
      GenerationRequest echo = GenerationRequest.of(all, thought.withMaxTokens(1)).withEcho();
      assertThat(session.serving().start(echo, again).await().cachedTokens()).isZero();
      assertThat(prompt).hasSize(all.length - 1);
      for (int j = first.length - 1; j < prompt.size(); j++) {
        TokenLogprob then = said.tokens.get(j - first.length + 1);
        assertThat(prompt.get(j).id()).isEqualTo(all[j + 1]).isEqualTo(then.id());
        assertThat(prompt.get(j).logprob()).isCloseTo(then.logprob(), within(1e-4)); // fp32
        assertThat(prompt.get(j).top()).hasSize(2);
      }
    }
  }

  /// Keys of an answer are not kept: they have other bits than those of a prompt.
  @Test
  void aSecondQuestionReadsOnlyTheAnswerTheQuestionAndTheRestOfABlock() {
    int vocabulary = session.model().config().vocabSize();
    int[] first = new Random(1).ints(300, 0, vocabulary).toArray();
    Generation chat = new Generation(session, greedy(20));
    Completion answer = chat.complete(first, piece -> {});
    assertThat(session.engine().load().promptTokens()).isEqualTo(first.length);
    assertThat(session.engine().load().cachedTokens()).isZero();
    int[] second = Arrays.copyOf(first, first.length + answer.tokens() + 10);
    int there = first.length / Limits.BLOCK * Limits.BLOCK;
    var _ = chat.complete(second, piece -> {});
    assertThat(session.engine().load().cachedTokens()).isEqualTo(there);
    GenerationRequest again = GenerationRequest.of(second, greedy(20));
    assertThat(session.serving().start(again, new Told()).await().cachedTokens())
        .isEqualTo(second.length / Limits.BLOCK * Limits.BLOCK);
  }

  @Test
  void aSlowListenerHoldsUpNobodyAndOneThatThrowsEndsItsOwnRequest() {
    CountDownLatch held = new CountDownLatch(1);
    Told slow =
        new Told() {
          @Override
          public void accept(AnswerEvent event) {
            super.accept(event);
            try {
              held.await();
            } catch (InterruptedException e) {
              throw new IllegalStateException(e);
            }
          }
        };
    Told bad =
        new Told() {
          @Override
          public void accept(AnswerEvent event) {
            throw new IllegalStateException(
                event instanceof AnswerEvent.Ended ? "gone for good" : "gone");
          }
        };
    Told good = new Told();
    Serving.Running waits = session.serving().start(request("pump", 30), slow);
    Serving.Running fails = session.serving().start(request("pump", 10_000), bad);
    session.serving().start(request("pump", 30), good).await();
    assertThat(good.done).hasSize(1);
    assertThatThrownBy(fails::await).hasMessage("gone for good");
    assertThat(bad.done).isEmpty();
    held.countDown();
    waits.await();
    assertThat(slow.done).isEqualTo(good.done);
  }

  @Test
  void theEndIsToldOnceAndLastWhenTheRequestHoldsNothingAnyMore() {
    Serving serving = session.serving();
    List<AnswerEvent> events = Collections.synchronizedList(new ArrayList<>());
    List<Serving.Running> next = Collections.synchronizedList(new ArrayList<>());
    GenerationRequest all = request("pump", 5).withN(288); // all places that there are
    Serving.Running running =
        serving.start(
            all,
            event -> {
              events.add(event);
              if (event instanceof AnswerEvent.Ended) {
                next.add(serving.start(all, later -> {}));
              }
            });
    Usage usage = running.await();
    assertThat(next).hasSize(1);
    next.getFirst().await();
    assertThat(events).filteredOn(AnswerEvent.Done.class::isInstance).hasSize(288);
    assertThat(events)
        .filteredOn(AnswerEvent.Ended.class::isInstance)
        .containsExactly(events.getLast());
    assertThat(((AnswerEvent.Ended) events.getLast()).usage().completionTokens())
        .isEqualTo(usage.completionTokens())
        .isPositive();
  }

  @Test
  void theEndIsToldToAListenerThatFailedAndNothingBetween() {
    List<AnswerEvent> events = Collections.synchronizedList(new ArrayList<>());
    session
        .serving()
        .start(
            request("pump", 30),
            event -> {
              events.add(event);
              if (event instanceof AnswerEvent.Piece) {
                throw new IllegalStateException("no more");
              }
            })
        .await();
    assertThat(events).hasExactlyElementsOfTypes(AnswerEvent.Piece.class, AnswerEvent.Ended.class);
  }

  @Test
  void aCancelledRequestEndsWithinATokenAndGivesItsPlacesBack() throws InterruptedException {
    Told told = new Told();
    GenerationRequest endless =
        request("pump", 100_000).withN(3); // as long as the model has positions
    Serving.Running running = session.serving().start(endless, told);
    told.begun.await();
    running.cancel();
    running.await();
    assertThat(told.done).hasSize(3);
    assertThat(told.done).anyMatch(c -> c.stop() == Completion.Stop.INTERRUPTED);
    Told next = new Told();
    session.serving().start(request("pump", 2), next).await();
    Load stats = session.serving().stats();
    assertThat(stats.running() + stats.waiting()).isZero();
  }

  @Test
  void moreThanMayWaitAreRefusedWithATimeToAskAgain() {
    Serving serving = session.serving();
    List<Serving.Running> running = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      running.add(
          serving.start(request("pump", 500).withN(144).withClient("client " + i), new Told()));
    }
    assertThatThrownBy(() -> serving.start(request("pump", 5).withClient("third"), new Told()))
        .isInstanceOfSatisfying(
            BusyException.class, e -> assertThat(e.retryAfterSeconds()).isBetween(1, 60));
    running.forEach(Serving.Running::cancel);
    running.forEach(Serving.Running::await);
    serving.start(request("pump", 5).withClient("third"), new Told()).await();
  }

  @Test
  void aSessionThatDrainsTakesNothingMoreAndWaitsForWhatRuns() {
    Told told = new Told();
    session.serving().start(request("pump", 20), told);
    assertThat(session.serving().drain(Duration.ofMinutes(1))).isTrue();
    assertThat(told.done).hasSize(1);
    assertThatThrownBy(() -> session.serving().start(request("pump", 5), new Told()))
        .isInstanceOf(BusyException.class);
  }

  @Test
  void eventsThatTheCallerTakesAreNumberedThroughItsPrompts() throws InterruptedException {
    String first = session.complete("pump", greedy(12), piece -> {}).text();
    String last = session.complete("station", greedy(7), piece -> {}).text();
    String[] texts = {"", "", ""};
    int tokens = 0;
    List<GenerationRequest> prompts = List.of(request("pump", 12).withN(2), request("station", 7));
    RunningRequest running = session.serving().start(prompts);
    try (running) {
      for (int left = texts.length; left > 0; ) {
        AnswerEvent event = running.next(60_000);
        if (event instanceof AnswerEvent.Piece(int choice, String text, List<TokenLogprob> _)) {
          texts[choice] += text;
        } else if (event instanceof AnswerEvent.Done(int choice, Completion completion)) {
          assertThat(texts[choice]).isEqualTo(completion.text());
          tokens += completion.tokens();
          left--;
        } else {
          throw new AssertionError(event);
        }
      }
      assertThat(running.next(1)).isNull();
    }
    assertThat(texts).containsExactly(first, first, last);
    assertThat(running.usage().completionTokens()).isEqualTo(tokens);
    assertThat(running.usage().promptTokens())
        .isEqualTo(session.encode("pump").length + session.encode("station").length);
  }

  @Test
  void whoTakesNoEventsHoldsNoPlaceAndLosesNone() throws InterruptedException {
    Serving serving = session.serving();
    GenerationRequest all = request("pump", 5).withN(288); // all places that there are
    try (RunningRequest unread = serving.start(List.of(all))) {
      for (boolean there = false; !there; ) {
        try {
          serving.start(all, event -> {}).await();
          there = true;
        } catch (BusyException e) {
          Thread.sleep(5); // the first 288 have not ended
        }
      }
      for (int left = 288; left > 0; ) {
        AnswerEvent event = unread.next(0);
        assertThat(event).isNotNull();
        left -= event instanceof AnswerEvent.Done ? 1 : 0;
      }
    }
  }

  @Test
  void aSessionThatDrainsCancelsAndDoesNotWaitForWhoTakesNoEvents() throws InterruptedException {
    try (RunningRequest endless = session.serving().start(List.of(request("pump", 100_000)))) {
      assertThat(session.serving().drain(Duration.ZERO)).isFalse();
      AnswerEvent event = endless.next(0);
      while (event instanceof AnswerEvent.Piece) {
        event = endless.next(0);
      }
      assertThat(event)
          .isInstanceOfSatisfying(
              AnswerEvent.Done.class,
              done -> assertThat(done.completion().stop()).isEqualTo(Completion.Stop.INTERRUPTED));
    }
  }

  @Test
  void aRequestFromTheEnginesThreadIsRefusedAndHoldsNoPlace() {
    List<IllegalStateException> refused = new ArrayList<>();
    GenerationRequest other = request("pump", 3);
    session.complete(
        "pump",
        greedy(2),
        piece -> {
          try {
            session.serving().start(other, new Told());
          } catch (IllegalStateException e) {
            refused.add(e);
          }
        });
    assertThat(refused).isNotEmpty();
    assertThat(session.serving().drain(Duration.ofMinutes(1))).isTrue();
  }

  @Test
  void whatCannotBeAnsweredIsRefusedAtOnce() {
    Serving serving = session.serving();
    assertThatThrownBy(() -> serving.start(GenerationRequest.of(new int[0], greedy(5)), new Told()))
        .isInstanceOf(InputException.class);
    assertThatThrownBy(
            () -> serving.start(GenerationRequest.of(new int[] {1 << 20}, greedy(5)), new Told()))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("the prompt has token 1048576, and there are tokens 0 to ");
    assertThatThrownBy(
            () -> serving.start(GenerationRequest.of(new int[100_000], greedy(5)), new Told()))
        .isInstanceOf(InputException.class);
  }
}
