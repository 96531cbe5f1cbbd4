package dev.nudge.generate;

import dev.nudge.model.CausalLm;
import dev.nudge.nn.KvCache;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Decodes a batch of sequences: each step feeds every sequence its new tokens, flat and without
/// padding, so prompts of different lengths are processed in one pass.
///
/// Threading: confined to one lane.
final class Decoder {
  private final CausalLm model;
  private final Workspace ws;

  Decoder(CausalLm model, Workspace ws) {
    this.model = model;
    this.ws = ws;
  }

  /// A sequence that grows: prompt and what was generated, its cache, and how much of it the cache
  /// holds.
  static final class Sequence implements AutoCloseable {
    final long number;
    int[] ids;
    int count;
    private final KvCache cache;

    Sequence(long number, int[] prompt, int positions, KvCache cache) {
      this.number = number;
      this.ids = Arrays.copyOf(prompt, positions + 1);
      this.count = prompt.length;
      this.cache = cache;
    }

    void add(int id) {
      ids[count++] = id;
    }

    @Override
    public void close() {
      cache.close();
    }
  }

  /// Opens a sequence of up to `positions` tokens.
  Sequence open(long number, int[] prompt, int positions) {
    return new Sequence(number, prompt, positions, model.cache(positions));
  }

  /// Feeds what the caches do not hold yet.
  ///
  /// @return logits after the last token of each sequence, (sequences, vocabulary); valid until the
  ///     next step
  Tensor step(List<Sequence> sequences) {
    int[] lengths = new int[sequences.size()];
    List<KvCache> caches = new ArrayList<>();
    int tokens = 0;
    for (int i = 0; i < lengths.length; i++) {
      Sequence s = sequences.get(i);
      if (model.config().turnsAnew(s.cache.length(), s.count)) {
        s.cache.clear(); // a long sequence turns otherwise, so all of it is fed again
      }
      lengths[i] = s.count - s.cache.length();
      caches.add(s.cache);
      tokens += lengths[i];
    }
    int[] ids = new int[tokens];
    int at = 0;
    for (int i = 0; i < lengths.length; i++) {
      Sequence s = sequences.get(i);
      System.arraycopy(s.ids, s.cache.length(), ids, at, lengths[i]);
      at += lengths[i];
    }
    return model.next(ids, lengths, caches, ws);
  }
}
