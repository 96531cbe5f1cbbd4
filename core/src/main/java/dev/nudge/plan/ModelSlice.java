package dev.nudge.plan;

import dev.nudge.model.family.ModelConfig;
import java.util.Arrays;

/// A scaled-down model for measuring speed. It has fewer layers, is narrower if the run's widths
/// are too large, and keeps the micro-batch.
///
/// A narrower slice predicts the speed of a wide model, because wide products all run at the same
/// rate; a slice as wide as the run also has its small products right. Two layers are enough if
/// each is large; two layers of a small model would stay in the processor's caches, unlike the
/// whole model.
///
/// @param tokens of a lane's micro-batch
/// @param longest tokens of its longest sequence; the last sequence may be shorter
record ModelSlice(ModelConfig config, int tokens, int longest) {
  private static final int LEAST_LAYERS = 2;
  private static final double PASS_FLOPS = 60e9; // of one lane: about a fifth of a second
  private static final long LAYER_NUMBERS = 32 << 20; // of all layers
  private static final long HEAD_NUMBERS = 48 << 20; // more than stays in caches
  private static final int LEAST_WIDTH = 512;
  private static final int LEAST_TOKENS = 64;

  /// Reduces a model's layers, then its widths, then the micro-batch, until a pass is short.
  static ModelSlice of(ModelConfig model, int tokens, int longest) {
    ModelConfig cut = cut(model, model.hiddenSize(), model.numHiddenLayers());
    ModelSlice slice = new ModelSlice(cut, tokens, longest);
    while (!slice.small() && slice.layers() > LEAST_LAYERS) {
      int layers = Math.max(LEAST_LAYERS, slice.layers() / 2);
      slice = new ModelSlice(cut(model, slice.width(), layers), tokens, longest);
    }
    while (!slice.small() && slice.width() > LEAST_WIDTH) {
      slice = new ModelSlice(cut(model, slice.width() / 2, slice.layers()), tokens, longest);
    }
    while (slice.flops() > PASS_FLOPS && slice.tokens > LEAST_TOKENS) {
      int half = slice.tokens / 2;
      slice = new ModelSlice(slice.config, half, Math.min(slice.longest, half));
    }
    return slice;
  }

  private int layers() {
    return config.numHiddenLayers();
  }

  private int width() {
    return config.hiddenSize();
  }

  private boolean small() {
    long head = (long) config.vocabSize() * config.hiddenSize();
    long layers = config.parameters() - (config.tieWordEmbeddings() ? 1 : 2) * head;
    return flops() <= PASS_FLOPS && layers <= LAYER_NUMBERS;
  }

  private double flops() {
    return Work.of(config, 0, lengths()).layers();
  }

  /// Tokens of each sequence.
  int[] lengths() {
    int[] lengths = new int[Math.ceilDiv(tokens, longest)];
    Arrays.fill(lengths, longest);
    lengths[lengths.length - 1] = tokens - longest * (lengths.length - 1);
    return lengths;
  }

  /// Returns a model with fewer layers, all widths in proportion and whole heads; the vocabulary is
  /// reduced if the head would be too large.
  private static ModelConfig cut(ModelConfig c, int width, int layers) {
    double share = (double) width / c.hiddenSize();
    int keyValues = Math.max(1, (int) Math.round(c.numKeyValueHeads() * share));
    int heads = keyValues * (c.numAttentionHeads() / c.numKeyValueHeads());
    int hidden = share == 1 ? width : width / 64 * 64;
    int inner = share == 1 ? c.intermediateSize() : (int) (c.intermediateSize() * share) / 64 * 64;
    int vocabulary = (int) Math.min(c.vocabSize(), HEAD_NUMBERS / hidden);
    return c.sized(hidden, inner, layers, heads, keyValues, vocabulary);
  }
}
