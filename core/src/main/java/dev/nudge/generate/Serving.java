package dev.nudge.generate;

import dev.nudge.adapter.NamedAdapters;
import dev.nudge.constrain.Constraint;
import dev.nudge.engine.Limits;
import dev.nudge.engine.Load;
import dev.nudge.settings.BusyException;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.Lock;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Serves requests of many clients on one session, side by side, each with its own adapter.
///
/// Threading: any thread. A listener is called by one thread of its request, so however long a call
/// takes it holds up nobody else; events that a caller takes itself need no thread.
public final class Serving {
  private static final int WAITING = 256; // answers that may be queued; more are refused
  private static final int LONGEST_RETRY = 60; // seconds

  private final Session session;
  private final Set<RunningRequest> there = new HashSet<>();
  private final Map<String, Integer> clients = new HashMap<>(); // answers of each
  private int answers; // of all requests
  private double pace; // answers that end in a second
  private long lastEnd;
  private boolean draining;

  Serving(Session session) {
    this.session = session;
  }

  /// A request that has started.
  ///
  /// Threading: any thread.
  public interface Running {
    /// Cancels its answers; they end within a token, with the stop `INTERRUPTED`.
    void cancel();

    /// Waits for all answers and the listener's last call, and throws what that call threw. An
    /// interrupt of this thread cancels the request; the thread is interrupted again.
    Usage await();
  }

  /// Starts a request.
  ///
  /// @param listener receives the events of the answers; if it throws, the request ends
  /// @throws InputException if the request cannot be answered as it is
  /// @throws BusyException if too many requests are queued, or the session drains
  public Running start(GenerationRequest request, Consumer<AnswerEvent> listener) {
    return start(List.of(request), listener);
  }

  /// Starts a request of several prompts, likewise; the caller takes the events and closes it.
  ///
  /// @param prompts of one client; their answers are numbered through
  public RunningRequest start(List<GenerationRequest> prompts) {
    return start(prompts, null);
  }

  private RunningRequest start(
      List<GenerationRequest> prompts, @Nullable Consumer<AnswerEvent> listener) {
    RunningRequest asking = new RunningRequest(session, this, prompts, listener);
    synchronized (this) {
      check(asking.client(), asking.n());
      there.add(asking);
      answers += asking.n();
      clients.merge(asking.client(), asking.n(), Integer::sum);
    }
    try {
      asking.start();
    } catch (RuntimeException | Error e) {
      asking.close();
      throw e;
    }
    return asking;
  }

  /// Computes the embedding of a text, the mean of its last hidden states after the final norm.
  /// Decoding of other requests goes on.
  ///
  /// @param adapter a lease that the caller holds until this returns; null: the base model
  /// @return the embedding, as long as the model's hidden size
  /// @throws InputException if the model has no such token
  public float[] embed(int[] ids, AdapterCache.@Nullable Lease adapter) {
    RunningRequest.checkTokens(session, adapter, ids);
    Lock held = session.hold();
    try {
      NamedAdapters.Attachment attachment =
          adapter == null ? NamedAdapters.Attachment.BASE : adapter.attachment();
      return session.engine().embedBy(ids, attachment);
    } finally {
      held.unlock();
    }
  }

  /// Checks a client's quota for so many answers, before any of them is requested.
  ///
  /// @throws InputException if one client can never have so many answers at once
  /// @throws BusyException if the queue or the client's share of it is too full now
  public synchronized void fits(String client, int wanted) {
    int room = (WAITING + Limits.ROWS) / 2;
    if (wanted > room) {
      throw new InputException(
          "%s requested at once, the limit per client is %d; request fewer"
              .formatted(Count.of(wanted, "answer"), room));
    }
    check(client, wanted);
  }

  /// Refuses what cannot wait. A client has at most half of the places, so that others find some.
  private void check(String client, int wanted) {
    if (draining) {
      throw new BusyException("no new requests are taken; this process ends", LONGEST_RETRY);
    }
    int room = WAITING + Limits.ROWS;
    int own = clients.getOrDefault(client, 0);
    if (answers + wanted > room) {
      throw new BusyException(
          "%s are queued or running, the limit is %d; retry later"
              .formatted(Count.of(answers, "answer"), room),
          retry(answers));
    }
    if (own > 0 && own + wanted > room / 2) {
      throw new BusyException(
          "%s of this client are queued or running, the limit is %d; retry later"
              .formatted(Count.of(own, "answer"), room / 2),
          retry(own));
    }
  }

  /// Seconds after which a quarter of what is there has probably ended.
  private int retry(int before) {
    return pace <= 0 ? 1 : (int) Math.clamp(Math.ceil(before / 4.0 / pace), 1, LONGEST_RETRY);
  }

  /// Gives the place of an answer back. The engine's thread calls this: nothing waits for the
  /// engine with this lock.
  synchronized void free(String client) {
    answers--;
    clients.computeIfPresent(client, (name, n) -> n == 1 ? null : n - 1);
  }

  synchronized void ended(RunningRequest asking) {
    long now = System.nanoTime();
    double seconds = Math.max(1e-3, (now - lastEnd) / 1e9);
    double share = Math.min(1, seconds); // of the last second or so
    pace = lastEnd == 0 ? 0 : pace * (1 - share) + share * asking.n() / seconds;
    lastEnd = now;
    there.remove(asking);
    notifyAll();
  }

  /// Returns the counters of the server, as its metrics report them.
  ///
  /// @throws IllegalStateException if the session is closed
  public Load stats() {
    Lock held = session.hold();
    try {
      return session.engine().load();
    } finally {
      held.unlock();
    }
  }

  /// Drains the session: refuses new requests, waits for running ones and cancels the rest at the
  /// timeout.
  ///
  /// @return whether all requests ended by themselves
  public boolean drain(Duration timeout) {
    long end = System.nanoTime() + timeout.toNanos();
    List<RunningRequest> left;
    boolean interrupted = false;
    synchronized (this) {
      draining = true;
      while (!there.isEmpty() && !interrupted) {
        long millis = (end - System.nanoTime()) / 1_000_000;
        if (millis <= 0) {
          break;
        }
        try {
          wait(millis);
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
      left = List.copyOf(there);
    }
    left.forEach(RunningRequest::cancel);
    left.forEach(RunningRequest::join);
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return left.isEmpty();
  }

  /// Compiles a JSON schema into a constraint for answers.
  ///
  /// @param turnEnd the end-of-turn token of the request
  /// @throws InputException if the schema is invalid or has keywords that are not supported
  public Constraint jsonSchema(String schema, @Nullable Integer turnEnd) {
    return Constraint.jsonSchema(schema, session.tokenizer(), ends(turnEnd));
  }

  /// Compiles a regular expression into a constraint for answers, likewise.
  public Constraint regex(String expression, @Nullable Integer turnEnd) {
    return Constraint.regex(expression, session.tokenizer(), ends(turnEnd));
  }

  private List<Integer> ends(@Nullable Integer turnEnd) {
    List<Integer> own = Decoding.ends(session.base(), turnEnd);
    return IntStream.range(0, session.base().vocabSize())
        .filter(id -> own.contains(id) || session.tokenizer().isEnd(id))
        .boxed()
        .toList();
  }
}
