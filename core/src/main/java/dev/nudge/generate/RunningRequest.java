package dev.nudge.generate;

import dev.nudge.adapter.NamedAdapters;
import dev.nudge.engine.Engine;
import dev.nudge.engine.SequenceRequest;
import dev.nudge.engine.Ticket;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Threads;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Prompts of one client that are being answered. The engine's thread puts events into a queue;
/// the thread that asked takes them out, or a thread of the request passes them to a listener.
///
/// The engine's thread never waits for the queue. If a listener leaves more than [#MOST] events in
/// it, its request ends; a thread that takes events itself may leave them all.
///
/// Threading: any thread cancels and waits; one thread calls [#next] and [#close]. See [Choice] for
/// what the engine's thread does.
public final class RunningRequest implements Serving.Running, AutoCloseable {
  /// Pieces that may wait for a listener.
  static final int MOST = 8192;

  private final Session session;
  private final Serving serving;
  private final List<GenerationRequest> prompts;
  private final @Nullable Consumer<AnswerEvent> listener;
  private final int[] positions; // of each prompt's sequences
  private final LinkedBlockingQueue<AnswerEvent> events = new LinkedBlockingQueue<>();
  private final List<Choice> choices = new ArrayList<>();
  private final List<Ticket> tickets = new CopyOnWriteArrayList<>();
  private final List<AdapterCache.Lease> leases = new ArrayList<>();
  private final CountDownLatch answered; // by the engine, an answer each
  private final CountDownLatch heard; // the listener's last call
  private final long start = System.nanoTime();
  private volatile boolean cancelled;
  private double seconds;
  private @Nullable Throwable late; // of the listener's last call

  /// Checks a request.
  ///
  /// @param listener null: events are taken by [#next]
  /// @throws InputException if it cannot be answered as it is
  RunningRequest(
      Session session,
      Serving serving,
      List<GenerationRequest> prompts,
      @Nullable Consumer<AnswerEvent> listener) {
    this.session = session;
    this.serving = serving;
    this.prompts = List.copyOf(prompts);
    this.listener = listener;
    this.positions = prompts.stream().mapToInt(prompt -> positions(session, prompt)).toArray();
    this.answered = new CountDownLatch(n());
    this.heard = new CountDownLatch(listener == null ? 0 : 1);
  }

  private static int positions(Session session, GenerationRequest request) {
    int[] prompt = request.prompt();
    if (prompt.length == 0) {
      throw new InputException("the prompt has no tokens; give a prompt with at least one");
    }
    int vocabulary = checkTokens(session, request.adapter(), prompt);
    request.sampling().checkTokens(vocabulary);
    return Generation.positions(prompt.length, session.maxLength(), request.sampling());
  }

  /// Checks that a model has the tokens of a text.
  ///
  /// @return how many tokens it has
  /// @throws InputException if it has one of them not
  static int checkTokens(Session session, AdapterCache.@Nullable Lease adapter, int[] ids) {
    int vocabulary = adapter == null ? session.base().vocabSize() : adapter.vocabulary();
    for (int id : ids) {
      if (id < 0 || id >= vocabulary) {
        throw new InputException(
            "the prompt has token %d, and there are tokens 0 to %d".formatted(id, vocabulary - 1));
      }
    }
    return vocabulary;
  }

  String client() {
    return prompts.getFirst().client();
  }

  /// Number of answers.
  int n() {
    return prompts.stream().mapToInt(GenerationRequest::n).sum();
  }

  /// Asks the engine for all answers.
  void start() {
    try {
      submit();
    } catch (RuntimeException | Error e) {
      for (int i = tickets.size(); i < n(); i++) {
        ended(); // the engine has not got it
      }
      heard.countDown();
      throw e;
    }
    if (cancelled) {
      cancel(); // [#cancel] may have come between two tickets
    }
    Consumer<AnswerEvent> to = listener;
    if (to != null) {
      Thread.ofVirtual().name("request").start(() -> tell(to));
    }
  }

  private void submit() {
    Lock held = session.hold();
    try {
      Engine engine = session.engine();
      for (int i = 0; i < positions.length; i++) {
        submit(engine, prompts.get(i), positions[i]);
      }
    } finally {
      held.unlock();
    }
  }

  private void submit(Engine engine, GenerationRequest request, int most) {
    AdapterCache.Lease adapter = request.adapter();
    NamedAdapters.Attachment attachment = NamedAdapters.Attachment.BASE;
    if (adapter != null) {
      leases.add(adapter.again());
      attachment = adapter.attachment();
    }
    for (int i = 0; i < request.n(); i++) {
      Choice choice = new Choice(request, most, i);
      choices.add(choice);
      boolean scored = i == 0 && request.echo() && request.sampling().logprobs();
      SequenceRequest ask =
          new SequenceRequest(
              request.prompt(), most, attachment, request.client(), request.low(), scored);
      tickets.add(engine.submit(ask, choice));
    }
  }

  /// An answer has ended. Its place is free at once, however slowly its events are taken.
  private void ended() {
    serving.free(client());
    answered.countDown();
  }

  /// Samples one of the answers, on the engine's thread.
  private final class Choice extends SamplingCaller {
    final int number = choices.size();
    final int siblings; // answers to the same prompt
    final Gaps gaps = new Gaps();
    private @Nullable List<TokenLogprob> prompted; // null: nothing is left to tell
    private int told; // tokens
    private long last; // when a token came; 0: none has

    /// @param draw number among the answers to its prompt
    Choice(GenerationRequest request, int most, int draw) {
      super(
          session.tokenizer(),
          Decoding.ends(session.base(), request.turnEnd()),
          session.room(),
          request.sampling(),
          request.prompt(),
          most,
          Sampler.sequence(0, draw),
          request.constraint());
      this.siblings = request.n();
    }

    @Override
    public void read(Tensor logits, int row, int[] ids, int place) {
      List<TokenLogprob> all = prompted == null ? new ArrayList<>() : prompted;
      all.add(answer.told(sampler.thought(logits, row, ids[place + 1])));
      prompted = all;
    }

    @Override
    public int next(Tensor logits, int row, int[] ids, int count) {
      if (prompted != null) {
        for (int i = 0; i < siblings; i++) {
          events.add(new AnswerEvent.Prompted(number + i, List.copyOf(prompted)));
        }
        prompted = null;
      }
      long now = System.nanoTime();
      if (last != 0) {
        gaps.add((now - last) / 1e9);
      }
      last = now;
      return super.next(logits, row, ids, count);
    }

    @Override
    void piece(String text) {
      if (listener != null && events.size() >= MOST) {
        throw new RunException(
            "the client is too slow: %d pieces of an answer are unread, the limit is reached"
                .formatted(MOST));
      }
      List<TokenLogprob> tokens = answer.logprobs(told);
      told += tokens.size();
      events.add(new AnswerEvent.Piece(number, text, tokens));
    }

    @Override
    public void ended(@Nullable Throwable failure) {
      AnswerEvent last;
      try {
        last = failure == null ? done() : new AnswerEvent.Failed(failure);
      } catch (RuntimeException | Error e) {
        last = new AnswerEvent.Failed(e);
      }
      events.add(last);
      RunningRequest.this.ended();
    }

    private AnswerEvent done() {
      answer.interrupt(); // if it has not ended
      List<TokenLogprob> left = answer.logprobs(told);
      if (!left.isEmpty()) {
        events.add(new AnswerEvent.Piece(number, "", left));
      }
      return new AnswerEvent.Done(number, answer.completion());
    }
  }

  /// Takes the next event, for a request without a listener. The caller stops when each answer has
  /// ended or one has failed; no [AnswerEvent.Ended] comes.
  ///
  /// @return null: none came in time
  public @Nullable AnswerEvent next(long millis) throws InterruptedException {
    return events.poll(millis, TimeUnit.MILLISECONDS);
  }

  private void tell(Consumer<AnswerEvent> to) {
    try {
      for (int left = n(); left > 0; ) {
        AnswerEvent event = events.take();
        boolean failure = event instanceof AnswerEvent.Failed;
        if (failure) {
          cancel();
        }
        left -= failure ? left : event instanceof AnswerEvent.Done ? 1 : 0;
        to.accept(event);
      }
    } catch (RuntimeException | Error | InterruptedException e) {
      // a listener that fails ends its request; nobody interrupts this thread
    }
    try {
      close();
    } finally {
      try {
        to.accept(new AnswerEvent.Ended(usage()));
      } catch (RuntimeException | Error e) {
        late = e;
      } finally {
        heard.countDown();
      }
    }
  }

  /// Cancels what still runs, waits for the engine, which ends it within a token, and gives
  /// everything back.
  @Override
  public void close() {
    if (answered.getCount() > 0) {
      cancel();
    }
    Threads.await(answered, () -> {});
    seconds = (System.nanoTime() - start) / 1e9;
    try {
      leases.forEach(AdapterCache.Lease::close);
    } finally {
      serving.ended(this);
    }
  }

  @Override
  public void cancel() {
    cancelled = true;
    tickets.forEach(Ticket::cancel);
  }

  @Override
  public Usage await() {
    join();
    Threads.rethrow(late, "the listener of a request failed");
    return usage();
  }

  /// Waits until the engine is done with it, and for its listener, but never for a thread that
  /// takes events itself: that one may be writing to a client that does not read.
  void join() {
    Threads.await(answered, this::cancel);
    Threads.await(heard, this::cancel);
  }

  /// Token counts and latencies, once it is closed: sums over its prompts, the longest wait in the
  /// queue, and the earliest first token.
  public Usage usage() {
    int prompt = 0;
    int tokens = 0;
    int cached = 0;
    double queue = 0;
    double first = Double.MAX_VALUE;
    Gaps gaps = new Gaps();
    int next = 0;
    for (GenerationRequest request : prompts) {
      int found = 0;
      double admitted = seconds;
      for (int end = Math.min(next + request.n(), tickets.size()); next < end; next++) {
        Ticket.Times times = tickets.get(next).times();
        gaps.addAll(choices.get(next).gaps);
        tokens += choices.get(next).answer.tokens();
        found = Math.max(found, times.cached());
        admitted = Math.min(admitted, times.admitted());
        first = Math.min(first, times.first());
      }
      prompt += request.prompt().length;
      cached += found;
      queue = Math.max(queue, admitted);
    }
    return new Usage(prompt, tokens, cached, queue, Math.min(first, seconds), gaps, seconds);
  }
}
