package dev.nudge.model;

import dev.nudge.tensor.PageAdvice;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;

/// Reads the layers of a model that is larger than memory from its file just before they compute.
///
/// While a layer computes, the two that come next in the pass's direction are read, and what lies
/// two behind is given back. A backward pass begins where the forward pass ended, so the layers
/// around a turn are wanted again first: as many of them as there is memory for stay in the
/// system's cache, and all others leave it at once. (Left to itself the system throws out what is
/// wanted next.) The order of reading changes no number.
///
/// Threading: all lanes tell where they are; a thread of its own gives the advice, because the
/// system may let the caller wait until its reads are queued. A lane that lags behind finds its
/// pages in the system's cache.
final class LayerPager implements AutoCloseable {
  private static final int AHEAD = 2;
  private static final int BEHIND = 2;

  /// Tells the system what becomes of a layer's memory.
  interface Advice {
    void willNeed(MemorySegment mapped);

    void drop(MemorySegment mapped);

    void evict(MemorySegment mapped);
  }

  /// Gives the advice to the operating system, by [PageAdvice].
  static final Advice SYSTEM =
      new Advice() {
        @Override
        public void willNeed(MemorySegment mapped) {
          PageAdvice.willNeed(mapped);
        }

        @Override
        public void drop(MemorySegment mapped) {
          PageAdvice.drop(mapped);
        }

        @Override
        public void evict(MemorySegment mapped) {
          PageAdvice.evict(mapped);
        }
      };

  private final List<List<MemorySegment>> layers;
  private final Advice advice;
  private final boolean[] wanted;
  private final long kept; // layers that stay cached where a pass turns
  private final ExecutorService reader =
      Executors.newSingleThreadExecutor(
          r -> {
            Thread t = new Thread(r, "read-ahead");
            t.setDaemon(true);
            return t;
          });

  /// @param layers the mapped memory of each layer's weights
  /// @param cache bytes of the system's cache that they may take
  LayerPager(List<List<MemorySegment>> layers, long cache, Advice advice) {
    this.layers = layers;
    long largest =
        layers.stream()
            .mapToLong(parts -> parts.stream().mapToLong(MemorySegment::byteSize).sum())
            .max()
            .orElse(0);
    this.kept = cache / Math.max(1, largest) - (AHEAD + 1 + BEHIND);
    this.advice = advice;
    this.wanted = new boolean[layers.size()];
  }

  /// Says that a lane is about to compute `layer`.
  ///
  /// @param direction 1 in a forward pass, −1 in a backward pass
  synchronized void at(int layer, int direction) {
    for (int i = 0; i <= AHEAD; i++) {
      want(layer + i * direction);
    }
    forget(layer - BEHIND * direction, direction);
  }

  private void want(int layer) {
    if (layer >= 0 && layer < wanted.length && !wanted[layer]) {
      wanted[layer] = true;
      reader.execute(() -> layers.get(layer).forEach(advice::willNeed));
    }
  }

  private void forget(int layer, int direction) {
    if (layer >= 0 && layer < wanted.length && wanted[layer]) {
      wanted[layer] = false;
      int beforeTheTurn = direction > 0 ? wanted.length - 1 - layer : layer;
      Consumer<MemorySegment> leave = beforeTheTurn < kept ? advice::drop : advice::evict;
      reader.execute(() -> layers.get(layer).forEach(leave));
    }
  }

  /// Waits for the advice that is under way: the memory may be unmapped afterwards.
  @Override
  public void close() {
    reader.close();
  }
}
