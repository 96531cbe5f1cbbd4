package dev.nudge.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/// Runs the parts of one operation in parallel on the caller's thread and some helpers.
///
/// [#each] splits work into pieces and gives each piece to the first free thread. So a thread whose
/// processor another process uses delays only one piece. An idle helper spins for tens of
/// microseconds, longer than the gap between two products of a token, and then parks. The bits of a
/// result must not depend on which thread computes a piece.
///
/// Threading: one thread calls [#each] and [#close].
public final class Team implements AutoCloseable {
  private static final int SPINS = 4000; // some tens of microseconds
  private static final int PIECE_BITS = 24;
  private static final long PIECES = (1L << PIECE_BITS) - 1;

  private final List<Helper> helpers = new ArrayList<>();
  private final AtomicLong ticket = new AtomicLong(); // round, pieces left
  private final AtomicInteger undone = new AtomicInteger();
  private volatile @Nullable Piece work;
  private volatile @Nullable Throwable failure;
  private volatile boolean closed;
  private volatile boolean busy;

  /// One piece of an operation.
  public interface Piece {
    /// @param piece its number
    /// @param thread that computes it: 0 is the caller's
    void run(int piece, int thread);
  }

  /// Starts `threads` − 1 helpers.
  public Team(int threads) {
    for (int i = 1; i < threads; i++) {
      Helper helper = new Helper(i);
      helpers.add(helper);
      helper.thread.start();
    }
  }

  /// Number of threads, the caller's included.
  public int threads() {
    return helpers.size() + 1;
  }

  /// Runs the pieces 0 … `pieces` − 1, each on one thread, and returns when all have ended; then
  /// throws the first failure. They begin in the order from the last to the first.
  public void each(int pieces, IntConsumer piece) {
    each(pieces, (i, thread) -> piece.accept(i));
  }

  /// Runs pieces that receive their thread's number, for per-thread state.
  ///
  /// @throws IllegalStateException if a piece of this team calls it: a defect
  public void each(int pieces, Piece piece) {
    if (busy) {
      throw new IllegalStateException("a piece of a team asks the team");
    }
    busy = true;
    try {
      share(pieces, piece);
    } finally {
      busy = false;
    }
  }

  private void share(int pieces, Piece piece) {
    if (helpers.isEmpty() || pieces == 1) {
      for (int i = pieces - 1; i >= 0; i--) {
        piece.run(i, 0);
      }
      return;
    }
    if (pieces > PIECES) {
      throw new IllegalArgumentException(pieces + " pieces");
    }
    failure = null;
    work = piece;
    undone.set(pieces);
    long round = (ticket.get() >>> PIECE_BITS) + 1;
    ticket.set(round << PIECE_BITS | pieces);
    for (Helper helper : helpers) {
      helper.wake();
    }
    take(round, 0);
    await(undone);
    Threads.rethrow(failure, "a piece failed");
  }

  /// Waits until other threads have counted down to 0.
  public static void await(AtomicInteger left) {
    for (int spins = 0; left.get() > 0; spins++) {
      if (spins < SPINS) {
        Thread.onSpinWait();
      } else {
        Thread.yield();
      }
    }
  }

  /// Runs pieces of a round until none is left.
  private void take(long round, int thread) {
    long now = ticket.get();
    while (now >>> PIECE_BITS == round && (now & PIECES) > 0) {
      if (ticket.compareAndSet(now, now - 1)) {
        Piece piece = work; // this round's piece: the round cannot end before it
        try {
          if (piece != null) {
            piece.run((int) (now & PIECES) - 1, thread);
          }
        } catch (RuntimeException | Error e) {
          failure = e;
        } finally {
          undone.decrementAndGet();
        }
      }
      now = ticket.get();
    }
  }

  @Override
  public void close() {
    closed = true;
    helpers.forEach(Helper::end);
  }

  /// A helper thread, which polls for pieces.
  private final class Helper implements Runnable {
    private final Thread thread;
    private final int number;
    private volatile boolean parked;

    Helper(int number) {
      this.number = number;
      thread = new Thread(this, "team-" + number);
      thread.setDaemon(true);
    }

    void wake() {
      if (parked) {
        LockSupport.unpark(thread);
      }
    }

    void end() {
      LockSupport.unpark(thread);
      Threads.join(thread);
    }

    @Override
    public void run() {
      int idle = 0;
      while (!closed) {
        long now = ticket.get();
        if ((now & PIECES) > 0) {
          take(now >>> PIECE_BITS, number);
          idle = 0;
        } else if (++idle < SPINS) {
          Thread.onSpinWait();
        } else {
          parked = true; // set before the check, so the caller sees the flag or this sees the work
          if ((ticket.get() & PIECES) == 0 && !closed) {
            LockSupport.park(Team.this);
          }
          parked = false;
          idle = 0;
        }
      }
    }
  }
}
