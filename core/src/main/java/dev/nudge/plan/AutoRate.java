package dev.nudge.plan;

import dev.nudge.settings.Method;
import java.math.BigDecimal;
import java.math.MathContext;

/// The learning rate that `--learning-rate auto` takes: 5e-4 · (2000 / width)^0.78 for adapters, a
/// tenth of it for all weights, at most that of a width of 340.
///
/// The form, and that the rank does not count while alpha stays, are findings of "LoRA without
/// regret" [1]. The parity study of this project agrees at a width of 576, QLoRA [2] at 4,096 to
/// 8,192.
///
/// [1] J. Schulman and Thinking Machines, 2025. [2] Dettmers et al., arXiv:2305.14314.
public final class AutoRate {
  private static final double ADAPTER = 5e-4; // at the width WIDTH
  private static final double WIDTH = 2000;
  private static final double EXPONENT = 0.78;
  private static final double FULL = 0.1; // of an adapter's
  private static final int NARROWEST = 340; // gives 2e-3

  private AutoRate() {}

  /// The rate, to two digits.
  ///
  /// @param width of the hidden states
  public static double of(Method method, int width) {
    double adapter = ADAPTER * Math.pow(WIDTH / Math.max(width, NARROWEST), EXPONENT);
    double rate = method == Method.FULL ? FULL * adapter : adapter;
    return new BigDecimal(rate).round(new MathContext(2)).doubleValue();
  }
}
