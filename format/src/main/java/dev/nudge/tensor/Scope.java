package dev.nudge.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLong;

/// Owns native memory until it is closed; use it with try-with-resources.
///
/// Every allocation is zeroed, aligned to 64 bytes and booked in the [Ledger] under the scope's
/// owner. Closing frees all of it at once; using a tensor afterwards throws instead of crashing.
///
/// Threading: any thread may allocate and read; close it when no other thread uses its tensors.
public final class Scope implements AutoCloseable {
  private static final long ALIGNMENT = 64;

  static {
    Malloc.returnLargeBlocks();
  }

  private final Arena arena = Arena.ofShared();
  private final String owner;
  private final boolean dry;
  private final AtomicLong held = new AtomicLong();

  private Scope(String owner, boolean dry) {
    this.owner = owner;
    this.dry = dry;
  }

  /// Opens a scope whose bytes are booked under `owner`.
  public static Scope open(String owner) {
    return new Scope(owner, false);
  }

  /// Opens a scope for a dry run: allocates no memory, counts bytes in [#bytes] and books nothing.
  /// Its tensors have a shape and must not be read or written.
  public static Scope measuring() {
    return new Scope("measuring", true);
  }

  /// Returns whether this scope is for a dry run.
  public boolean dry() {
    return dry;
  }

  /// Allocates zeroed memory; `bytes` may be 0.
  public MemorySegment allocate(long bytes) {
    if (dry) {
      held.addAndGet(bytes);
      return Tensor.nowhere(bytes);
    }
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

  /// Returns the arena of the scope, for mappings that must end with it.
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
      long freed = held.getAndSet(0);
      Ledger.add(owner, dry ? 0 : -freed);
    }
  }
}
