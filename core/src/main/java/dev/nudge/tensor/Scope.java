package dev.nudge.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLong;

/// Owns native memory until it is closed; use it with try-with-resources.
///
/// Every allocation is zeroed, aligned to 64 bytes and booked in the [Ledger] under the scope's
/// owner. Closing frees all of it at once; a tensor used afterwards throws, it does not crash.
///
/// Threading: any thread may allocate and read; close it when no other thread uses its tensors.
public final class Scope implements AutoCloseable {
  private static final long ALIGNMENT = 64;

  private final Arena arena = Arena.ofShared();
  private final String owner;
  private final AtomicLong held = new AtomicLong();

  private Scope(String owner) {
    this.owner = owner;
  }

  /// Opens a scope whose bytes are booked under `owner`.
  public static Scope open(String owner) {
    return new Scope(owner);
  }

  /// Allocates zeroed memory; `bytes` may be 0.
  public MemorySegment allocate(long bytes) {
    MemorySegment segment = arena.allocate(Math.max(bytes, 1), ALIGNMENT);
    held.addAndGet(bytes);
    Ledger.add(owner, bytes);
    return bytes == 0 ? segment.asSlice(0, 0) : segment;
  }

  /// Allocates a contiguous tensor of zeros.
  public Tensor tensor(Dtype dtype, long... shape) {
    long elements = 1;
    for (long s : shape) {
      elements = Math.multiplyExact(elements, s);
    }
    return Tensor.of(allocate(Math.multiplyExact(elements, dtype.bytes())), dtype, shape);
  }

  /// The arena behind the scope, for mappings that must end with it.
  public Arena arena() {
    return arena;
  }

  /// Bytes held by this scope.
  public long bytes() {
    return held.get();
  }

  /// Frees everything; a second call does nothing.
  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
      Ledger.add(owner, -held.getAndSet(0));
    }
  }
}
