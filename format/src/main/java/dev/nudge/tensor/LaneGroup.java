package dev.nudge.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// Synchronises lanes that work on one sequence, and owns the memory that they share.
///
/// Each lane has a [Member]. All lanes make the same calls in the same order:
///
///     claim();   waits until no lane reads the earlier contents any longer
///     …write own part of the shared memory…
///     meet();    waits until all lanes have written
///     …read all of it…
///     free();    tells the others that this lane has finished reading
///
/// Calls of [Member#meet] and [Member#free] are counted; a lane waits until every lane's count is
/// at least its own. A waiting lane spins for some microseconds and then parks. If a lane fails,
/// [#fail] makes every waiting lane throw that failure, so no lane waits for ever.
///
/// The shared memory is one region. Every lane lays it out with the same calls, so at the same
/// addresses: [Member#shared] is a lane's own stack over the region.
///
/// Threading: a member is confined to its lane's thread; any lane's thread may call [#fail]; the
/// thread that runs the lanes calls [#reset] while none runs.
public final class LaneGroup implements AutoCloseable {
  private static final int SPINS = 2000; // some tens of microseconds
  private static final long PARK_NANOS = 1_000_000; // woken earlier, unless a signal is lost
  private static final int APART = 16; // longs between two counters: no shared cache line

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

  /// Returns a group for dry runs: no lane waits, and [Workspace#peak] of a member's shared
  /// workspace is the number of bytes to reserve.
  public static LaneGroup measuring(int lanes) {
    return new LaneGroup(lanes, null, 0);
  }

  public int lanes() {
    return lanes;
  }

  /// Lane `lane`'s member of this group.
  public Member member(int lane) {
    return members.get(lane);
  }

  /// Makes all lanes that wait, now or later, throw `cause`; the first cause wins.
  public void fail(Throwable cause) {
    if (failure == null) {
      failure = cause;
    }
    for (int lane = 0; lane < lanes; lane++) {
      LockSupport.unpark(parked.get(lane));
    }
  }

  /// Clears counts and failure; call it before starting lanes that may meet.
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

  /// Synchronises one lane with the others of the group.
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

    /// Returns the lane's stack over the memory that all lanes share.
    public Workspace shared() {
      return shared;
    }

    /// Waits until no lane reads the earlier contents of the shared memory any longer.
    public void claim() {
      await(freed);
    }

    /// Waits at a barrier until all lanes have called this.
    public void meet() {
      await(arrive());
    }

    /// Signals the other lanes that this lane has finished reading the shared memory.
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

    /// Parks this lane until another lane counts. This lane registers before it checks the count
    /// again, and the other lane counts before it checks who waits: so one of them sees the other.
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
