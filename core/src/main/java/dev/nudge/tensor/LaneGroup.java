package dev.nudge.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// Lets lanes that work on one thing together wait for one another, and owns the memory they share.
///
/// Each lane has a [Member]. Lanes make the same calls in the same order; then:
///
///     claim();   nobody reads any longer what was shared before
///     …write own part of the shared memory…
///     meet();    everybody has written
///     …read all of it…
///     free();    I read no longer
///
/// A call of [Member#meet] or [Member#free] is counted; waiting is waiting until every lane has
/// counted as far. A waiting lane spins for some microseconds and then parks. Where a lane fails,
/// [#fail] makes every waiting lane throw the same failure, so nobody waits for ever.
///
/// The shared memory is one region that every lane lays out by itself with the same calls, and so
/// at the same places: [Member#shared] is a lane's own stack over it.
///
/// Threading: a member is confined to its lane's thread; [#fail] is for any lane's, [#reset] for
/// the thread that runs the lanes, while none runs.
public final class LaneGroup implements AutoCloseable {
  private static final int SPINS = 2000; // some tens of microseconds
  private static final long PARK_NANOS = 1_000_000; // waked before, unless a signal is lost
  private static final int APART = 16; // numbers between two counters: no shared cache line

  private final int lanes;
  private final @Nullable Scope scope; // null: dry
  private final AtomicLongArray counts;
  private final AtomicReferenceArray<@Nullable Thread> parked;
  private final List<Member> members = new ArrayList<>();
  private volatile @Nullable Throwable failure;

  /// Reserves `sharedBytes` for `lanes` lanes.
  public LaneGroup(int lanes, long sharedBytes) {
    this(lanes, Scope.open("shared by lanes"), sharedBytes);
  }

  private LaneGroup(int lanes, @Nullable Scope scope, long sharedBytes) {
    this.lanes = lanes;
    this.scope = scope;
    this.counts = new AtomicLongArray((lanes + 1) * APART);
    this.parked = new AtomicReferenceArray<>(lanes);
    var region = scope == null ? null : scope.allocate(sharedBytes);
    for (int lane = 0; lane < lanes; lane++) {
      Workspace shared = region == null ? Workspace.measuring() : Workspace.over(lane, region);
      members.add(new Member(lane, shared));
    }
  }

  /// A group for passes that only measure: nobody waits, and [Workspace#peak] of a member's shared
  /// workspace says what has to be reserved.
  public static LaneGroup measuring(int lanes) {
    return new LaneGroup(lanes, null, 0);
  }

  public int lanes() {
    return lanes;
  }

  /// The part of lane `lane`.
  public Member member(int lane) {
    return members.get(lane);
  }

  /// Makes all lanes that wait, now or later, throw `cause`; the first cause counts.
  public void fail(Throwable cause) {
    if (failure == null) {
      failure = cause;
    }
    for (int lane = 0; lane < lanes; lane++) {
      LockSupport.unpark(parked.get(lane));
    }
  }

  /// Starts afresh; call it before lanes start that may meet.
  public void reset() {
    failure = null;
    for (Member m : members) {
      counts.set(m.lane * APART, 0);
      m.count = 0;
      m.freed = 0;
    }
  }

  @Override
  public void close() {
    if (scope != null) {
      scope.close();
    }
  }

  /// One lane's part in a group.
  public final class Member {
    private final int lane;
    private final Workspace shared;
    private long count;
    private long freed;

    private Member(int lane, Workspace shared) {
      this.lane = lane;
      this.shared = shared;
    }

    public int lane() {
      return lane;
    }

    /// The lane's stack over the memory that all lanes share.
    public Workspace shared() {
      return shared;
    }

    /// Waits until no lane reads any longer what was shared before.
    public void claim() {
      await(freed);
    }

    /// Waits until all lanes have come to this point.
    public void meet() {
      await(arrive());
    }

    /// Says that this lane reads nothing any longer of what was shared so far.
    public void free() {
      freed = arrive();
    }

    private long arrive() {
      counts.set(lane * APART, ++count);
      for (int other = 0; other < lanes; other++) {
        Thread thread = parked.get(other);
        if (thread != null) {
          LockSupport.unpark(thread);
        }
      }
      return count;
    }

    private void await(long ticket) {
      for (int other = 0; other < lanes && scope != null; other++) {
        int spins = 0;
        while (counts.get(other * APART) < ticket) {
          check();
          if (++spins < SPINS) {
            Thread.onSpinWait();
          } else {
            park(other, ticket);
          }
        }
      }
    }

    /// Parks this lane until another one counts. The waiting lane announces itself before it looks
    /// again, and the other counts before it looks who waits: one of the two sees the other.
    private void park(int other, long ticket) {
      parked.set(lane, Thread.currentThread());
      if (counts.get(other * APART) < ticket && failure == null) {
        LockSupport.parkNanos(LaneGroup.this, PARK_NANOS);
      }
      parked.set(lane, null);
    }

    private void check() {
      Threads.rethrow(failure, "another lane failed");
    }
  }
}
