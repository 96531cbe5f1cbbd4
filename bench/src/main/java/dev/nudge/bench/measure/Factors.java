package dev.nudge.bench.measure;

import java.util.Locale;

/// Factors a ratio of tokens a second: padding × recomputation × kernels.
///
/// @param ratio nudge ÷ peer, in real tokens a second
/// @param padding the peer's tokens with padding ÷ real tokens; nudge pads none
/// @param recomputation the peer's gain from not checkpointing; 1: it does not checkpoint
/// @param kernels the rest
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
