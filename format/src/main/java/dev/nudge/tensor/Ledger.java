package dev.nudge.tensor;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/// Counts the native bytes in use, by owner.
///
/// Every [Scope] adds what it allocates and subtracts it when it closes, so a leak is a number
/// with a name. Mapped files are not counted: their pages belong to the file.
///
/// Threading: any thread. Each count is atomic; the owners' counts are not a snapshot.
public final class Ledger {
  private static final Map<String, AtomicLong> BY_OWNER = new ConcurrentHashMap<>();

  private static final AtomicLong HELD = new AtomicLong();
  private static final AtomicLong MOST = new AtomicLong();

  private Ledger() {}

  static void add(String owner, long bytes) {
    BY_OWNER.computeIfAbsent(owner, o -> new AtomicLong()).addAndGet(bytes);
    MOST.accumulateAndGet(HELD.addAndGet(bytes), Math::max);
  }

  /// Native bytes in use now.
  public static long bytes() {
    return HELD.get();
  }

  /// Peak native bytes in use since the last call.
  public static long most() {
    return MOST.getAndSet(HELD.get());
  }

  /// Native bytes in use now, by each owner that has any, sorted by owner.
  public static Map<String, Long> byOwner() {
    Map<String, Long> held = new TreeMap<>();
    BY_OWNER.forEach(
        (owner, bytes) -> {
          if (bytes.get() != 0) {
            held.put(owner, bytes.get());
          }
        });
    return held;
  }
}
