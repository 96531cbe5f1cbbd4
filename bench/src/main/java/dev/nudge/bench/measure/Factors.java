package dev.nudge.bench.measure;

import java.util.Locale;

/// A ratio of tokens a second, taken apart: padding × recomputation × kernels.
///
/// @param ratio ours to the peer's, in real tokens a second
/// @param padding tokens the peer computes to real ones; ours computes no padding
/// @param recomputation the peer's own gain from not checkpointing, 1 where it does not checkpoint
/// @param kernels what is left
record Factors(double ratio, double padding, double recomputation, double kernels) {
  static Factors of(double ratio, double padding, double recomputation) {
    return new Factors(ratio, padding, recomputation, ratio / padding / recomputation);
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%.2f = padding %.2f × recomputation %.2f × kernels %.2f",
        ratio,
        padding,
        recomputation,
        kernels);
  }
}
