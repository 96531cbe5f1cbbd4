package dev.nudge.model;

import dev.nudge.tensor.Pages;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/// Reads the layers of a model that is larger than memory from its file just before they compute.
///
/// While a layer computes, the two that come next in the pass's direction are read, and what lies
/// two behind is given back. A backward pass begins where the forward pass ended, so what the
/// system
/// still caches of a file is what is wanted first. The order of reading changes no number.
///
/// Threading: all lanes tell where they are; a thread of its own gives the advice, because the
/// system may let the caller wait until its reads are queued. A lane that lags behind finds its
/// pages in the system's cache.
final class LayerPager implements AutoCloseable {
  private static final int AHEAD = 2;
  private static final int BEHIND = 2;

  /// What is done with a layer's memory.
  interface Advice {
    void willNeed(MemorySegment mapped);

    void drop(MemorySegment mapped);
  }

  /// The system's.
  static final Advice SYSTEM =
      new Advice() {
        @Override
        public void willNeed(MemorySegment mapped) {
          Pages.willNeed(mapped);
        }

        @Override
        public void drop(MemorySegment mapped) {
          Pages.drop(mapped);
        }
      };

  private final List<List<MemorySegment>> layers;
  private final Advice advice;
  private final boolean[] wanted;
  private final ExecutorService reader =
      Executors.newSingleThreadExecutor(
          r -> {
            Thread t = new Thread(r, "read-ahead");
            t.setDaemon(true);
            return t;
          });

  /// @param layers the mapped memory of each layer's weights
  LayerPager(List<List<MemorySegment>> layers, Advice advice) {
    this.layers = layers;
    this.advice = advice;
    this.wanted = new boolean[layers.size()];
  }

  /// A lane is about to compute `layer`.
  ///
  /// @param direction 1 in a forward pass, −1 in a backward pass
  synchronized void at(int layer, int direction) {
    for (int i = 0; i <= AHEAD; i++) {
      want(layer + i * direction);
    }
    forget(layer - BEHIND * direction);
  }

  private void want(int layer) {
    if (layer >= 0 && layer < wanted.length && !wanted[layer]) {
      wanted[layer] = true;
      reader.execute(() -> layers.get(layer).forEach(advice::willNeed));
    }
  }

  private void forget(int layer) {
    if (layer >= 0 && layer < wanted.length && wanted[layer]) {
      wanted[layer] = false;
      reader.execute(() -> layers.get(layer).forEach(advice::drop));
    }
  }

  /// Waits for the advice that is under way: the memory may be unmapped afterwards.
  @Override
  public void close() {
    reader.close();
  }
}
