package dev.nudge.model;

import dev.nudge.tensor.PageAdvice;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;

/// Streams the layers of a model larger than memory from its file just before they compute.
///
/// While a layer computes, the next two layers in the pass's direction are read ahead and the layer
/// two behind is dropped. A backward pass begins where the forward pass ended, so the layers around
/// the turning point are needed again first: as many as fit stay in the page cache, all others are
/// evicted. (The operating system's own policy evicts the layers that are needed next.) The order
/// of reading changes no result.
///
/// Threading: all lanes report their position; a separate thread calls `madvise`, which may block
/// until reads are queued. A lane that lags behind finds its pages in the page cache.
final class LayerPager implements AutoCloseable {
  private static final int AHEAD = 2;
  private static final int BEHIND = 2;

  /// Advises the operating system on a layer's mapped memory.
  interface Advice {
    void willNeed(MemorySegment mapped);

    void drop(MemorySegment mapped);

    void evict(MemorySegment mapped);
  }

  /// Advises the operating system by [PageAdvice].
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
  /// @param cache bytes of the page cache that the layers may take
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

  /// Reports that a lane will compute `layer`.
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

  /// Waits for pending advice; afterwards the memory may be unmapped.
  @Override
  public void close() {
    reader.close();
  }
}
