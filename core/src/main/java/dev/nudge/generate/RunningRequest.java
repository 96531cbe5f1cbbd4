package dev.nudge.generate;

import dev.nudge.adapter.NamedAdapters;
import dev.nudge.constrain.Constraint;
import dev.nudge.engine.Caller;
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
import java.util.concurrent.locks.Lock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A request that is being answered: the engine's thread produces events, a thread of the request
/// passes them to its listener.
///
/// Events go through a queue, and the engine's thread never waits for it: if a listener leaves more
/// than [#MOST] events in it, its request ends.
///
/// Threading: any thread; see [Choice] for what the engine's thread does.
final class RunningRequest implements Serving.Running {
  /// Pieces that may wait for a listener.
  static final int MOST = 8192;

  private final Session session;
  private final GenerationRequest request;
  private final Consumer<AnswerEvent> listener;
  private final Consumer<RunningRequest> ended;
  private final int positions;
  private final LinkedBlockingQueue<AnswerEvent> events = new LinkedBlockingQueue<>();
  private final List<Choice> choices = new ArrayList<>();
  private final List<Ticket> tickets = new CopyOnWriteArrayList<>();
  private final CountDownLatch end = new CountDownLatch(1);
  private final long start = System.nanoTime();
  private AdapterCache.@Nullable Lease lease;
  private volatile boolean cancelled;
  private double seconds;
  private @Nullable Throwable late; // of the listener's last call

  private RunningRequest(
      Session session,
      GenerationRequest request,
      Consumer<AnswerEvent> listener,
      Consumer<RunningRequest> ended,
      int positions) {
    this.session = session;
    this.request = request;
    this.listener = listener;
    this.ended = ended;
    this.positions = positions;
  }

  /// Checks a request.
  ///
  /// @param ended told when it has ended
  /// @throws InputException where it cannot be answered as it is
  static RunningRequest of(
      Session session,
      GenerationRequest request,
      Consumer<AnswerEvent> listener,
      Consumer<RunningRequest> ended) {
    int[] prompt = request.prompt();
    if (prompt.length == 0) {
      throw new InputException("the prompt has no tokens; give a prompt with at least one");
    }
    int vocabulary = checkTokens(session, request.adapter(), prompt);
    request.sampling().checkTokens(vocabulary);
    int positions = Generation.positions(prompt.length, session.maxLength(), request.sampling());
    return new RunningRequest(session, request, listener, ended, positions);
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

  GenerationRequest request() {
    return request;
  }

  /// Asks the engine for all answers, and begins to tell of them.
  void start() {
    Lock held = session.hold();
    try {
      AdapterCache.Lease adapter = request.adapter();
      lease = adapter == null ? null : adapter.again();
      NamedAdapters.Attachment attachment =
          lease == null ? NamedAdapters.Attachment.BASE : lease.attachment();
      Engine engine = session.engine();
      int[] prompt = request.prompt();
      for (int i = 0; i < request.n(); i++) {
        Choice choice = new Choice(i);
        choices.add(choice);
        boolean scored = i == 0 && request.echo() && request.sampling().logprobs();
        SequenceRequest ask =
            new SequenceRequest(
                prompt, positions, attachment, request.client(), request.low(), scored);
        tickets.add(engine.submit(ask, choice));
      }
    } catch (RuntimeException | Error e) {
      cancel();
      tickets.forEach(Ticket::await); // they have the attachment, which goes now
      throw e;
    } finally {
      held.unlock();
    }
    if (cancelled) {
      cancel();
    }
    Thread.ofVirtual().name("request").start(this::tell);
  }

  /// Samples one of the answers, on the engine's thread.
  private final class Choice implements Caller {
    final int number;
    final Detokenizer answer;
    final Sampler sampler;
    final SamplingCaller chosen;
    final Gaps gaps = new Gaps();
    private @Nullable List<TokenLogprob> prompted; // null: nothing is left to tell
    private int told; // tokens
    private long last; // when a token came; 0: none has

    Choice(int number) {
      List<Integer> ends = Decoding.ends(session.base(), request.turnEnd());
      Constraint constraint = request.constraint();
      int prompt = request.prompt().length;
      this.number = number;
      this.answer =
          new Detokenizer(
              session.tokenizer(),
              ends,
              request.prompt(),
              request.sampling(),
              positions - prompt,
              this::piece);
      this.sampler =
          new Sampler(
              request.sampling(),
              id -> ends.contains(id) || session.tokenizer().isEnd(id),
              session.room());
      this.chosen =
          new SamplingCaller(
              sampler,
              answer,
              prompt,
              Sampler.sequence(0, number),
              constraint == null ? null : constraint.start());
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
        events.add(new AnswerEvent.Prompted(List.copyOf(prompted)));
        prompted = null;
      }
      long now = System.nanoTime();
      if (last != 0) {
        gaps.add((now - last) / 1e9);
      }
      last = now;
      return chosen.next(logits, row, ids, count);
    }

    private void piece(String text) {
      if (events.size() >= MOST) {
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

  private void tell() {
    boolean failed = false; // then nothing more is told
    try {
      for (int left = request.n(); left > 0; ) {
        AnswerEvent event = events.take();
        boolean failure = event instanceof AnswerEvent.Failed;
        left -= failure || event instanceof AnswerEvent.Done ? 1 : 0;
        if (failed) {
          continue;
        }
        try {
          if (failure) {
            failed = true;
            cancel();
          }
          listener.accept(event);
        } catch (RuntimeException | Error e) {
          failed = true;
          cancel();
        }
      }
    } catch (InterruptedException e) {
      cancel(); // nobody has this thread, so it does not come
    } finally {
      end(usage -> listener.accept(new AnswerEvent.Ended(usage)));
    }
  }

  /// Gives everything back.
  ///
  /// @param told what it took, then
  void end(Consumer<Usage> told) {
    seconds = (System.nanoTime() - start) / 1e9;
    try {
      AdapterCache.Lease held = lease;
      if (held != null) {
        held.close();
      }
    } finally {
      ended.accept(this);
      try {
        told.accept(usage());
      } catch (RuntimeException | Error e) {
        late = e;
      } finally {
        end.countDown();
      }
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

  /// Waits for its end, whatever its listener does.
  void join() {
    Threads.await(end, this::cancel);
  }

  private Usage usage() {
    int tokens = 0;
    double queue = Double.MAX_VALUE;
    double first = Double.MAX_VALUE;
    int cached = 0;
    Gaps gaps = new Gaps();
    for (int i = 0; i < tickets.size(); i++) {
      gaps.addAll(choices.get(i).gaps);
      Ticket.Times times = tickets.get(i).times();
      tokens += choices.get(i).answer.tokens();
      queue = Math.min(queue, times.admitted());
      first = Math.min(first, times.first());
      cached = Math.max(cached, times.cached());
    }
    return new Usage(
        request.prompt().length,
        tokens,
        cached,
        Math.min(queue, seconds),
        Math.min(first, seconds),
        gaps,
        seconds);
  }
}
