package dev.nudge.generate;

import dev.nudge.adapter.NamedAdapters;
import dev.nudge.constrain.Constraint;
import dev.nudge.engine.Limits;
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

/// Answers requests of many clients on one session: each with its own adapter, side by side.
///
/// Threading: any thread. A listener is called by one thread of its request, so however long a call
/// takes it holds up nobody else.
public final class Serving {
  private static final int WAITING = 256; // answers that may wait
  private static final int LONGEST_RETRY = 60; // seconds

  private final Session session;
  private final Set<RunningRequest> there = new HashSet<>();
  private final Map<String, Integer> clients = new HashMap<>(); // answers of each
  private int most = WAITING;
  private int answers; // of all requests
  private double pace; // answers that end in a second
  private long lastEnd;
  private boolean draining;

  Serving(Session session) {
    this.session = session;
  }

  /// A request that was started.
  ///
  /// Threading: any thread.
  public interface Running {
    /// Asks for the end of its answers; it comes within a token, with the stop `INTERRUPTED`.
    void cancel();

    /// Waits for the end of all answers and of the last call of the listener. An interrupt of this
    /// thread cancels the request; the thread is interrupted again. What the listener's last call
    /// threw is thrown here.
    Usage await();
  }

  /// Starts a request.
  ///
  /// @param listener told its answers; where it throws, the request ends
  /// @throws InputException where it cannot be answered as it is
  /// @throws BusyException where too many wait already, or the session drains
  public Running start(GenerationRequest request, Consumer<AnswerEvent> listener) {
    RunningRequest asking = RunningRequest.of(session, request, listener, this::ended);
    synchronized (this) {
      check(request.client(), request.n());
      there.add(asking);
      answers += request.n();
      clients.merge(request.client(), request.n(), Integer::sum);
    }
    try {
      asking.start();
    } catch (RuntimeException | Error e) {
      asking.end(usage -> {});
      throw e;
    }
    return asking;
  }

  /// Embeds a text: the mean of the last hidden states of its tokens, behind the last norm. Answers
  /// go on beside it.
  ///
  /// @param adapter through which it goes, held by the caller until this returns; null: the base
  /// @return as many numbers as the model is wide
  public float[] embed(int[] ids, AdapterCache.@Nullable Lease adapter) {
    Lock held = session.hold();
    try {
      NamedAdapters.Way way = adapter == null ? NamedAdapters.Way.BASE : adapter.way();
      return session.engine().embedBy(ids, way);
    } finally {
      held.unlock();
    }
  }

  /// Refuses so many answers of a client, before any of them is asked for.
  ///
  /// @throws InputException where so many never fit
  /// @throws BusyException where there is no room for them now
  public synchronized void fits(String client, int wanted) {
    int room = (most + Limits.ROWS) / 2;
    if (wanted > room) {
      throw new InputException(
          "%s are asked for at once, and a client may have %d; ask for fewer"
              .formatted(Count.of(wanted, "answer"), room));
    }
    check(client, wanted);
  }

  /// Refuses what cannot wait. A client has at most half of the places, so that others find some.
  private void check(String client, int wanted) {
    if (draining) {
      throw new BusyException("no new requests are taken; this process ends", LONGEST_RETRY);
    }
    int room = most + Limits.ROWS;
    int own = clients.getOrDefault(client, 0);
    if (answers + wanted > room) {
      throw new BusyException(
          "%s wait or run, and there may be %d".formatted(Count.of(answers, "answer"), room),
          retry(answers));
    }
    if (own > 0 && own + wanted > room / 2) {
      throw new BusyException(
          "%s of this client wait or run, and there may be %d"
              .formatted(Count.of(own, "answer"), room / 2),
          retry(own));
    }
  }

  /// Seconds after which a quarter of what is there has probably ended.
  private int retry(int before) {
    return pace <= 0 ? 1 : (int) Math.clamp(Math.ceil(before / 4.0 / pace), 1, LONGEST_RETRY);
  }

  private synchronized void ended(RunningRequest asking) {
    GenerationRequest request = asking.request();
    if (!there.remove(asking)) {
      return;
    }
    answers -= request.n();
    clients.computeIfPresent(
        request.client(), (name, n) -> n == request.n() ? null : n - request.n());
    long now = System.nanoTime();
    double seconds = Math.max(1e-3, (now - lastEnd) / 1e9);
    double share = Math.min(1, seconds); // of the last second or so
    pace = lastEnd == 0 ? 0 : pace * (1 - share) + share * request.n() / seconds;
    lastEnd = now;
    notifyAll();
  }

  /// Says how many answers may wait for their turn; more are refused.
  public synchronized void waiting(int answers) {
    most = answers;
  }

  /// What there is to do, and what was done.
  ///
  /// @throws IllegalStateException where the session is closed
  public Stats stats() {
    Lock held = session.hold();
    try {
      return Stats.of(session.engine().load(), Limits.BLOCK, session.cache());
    } finally {
      held.unlock();
    }
  }

  /// Takes no new requests, waits for those that are there, and cancels what is left when the time
  /// is over.
  ///
  /// @return whether all ended by themselves
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

  /// Compiles a JSON schema to hold answers to.
  ///
  /// @param turnEnd as the request has it
  /// @throws InputException where it is none, or one that cannot be held
  public Constraint jsonSchema(String schema, @Nullable Integer turnEnd) {
    return Constraint.jsonSchema(schema, session.tokenizer(), ends(turnEnd));
  }

  /// Compiles a regular expression to hold answers to, likewise.
  public Constraint regex(String expression, @Nullable Integer turnEnd) {
    return Constraint.regex(expression, session.tokenizer(), ends(turnEnd));
  }

  private List<Integer> ends(@Nullable Integer turnEnd) {
    List<Integer> own = Greedy.ends(session.base(), turnEnd);
    return IntStream.range(0, session.base().vocabSize())
        .filter(id -> own.contains(id) || session.tokenizer().isEnd(id))
        .boxed()
        .toList();
  }
}
