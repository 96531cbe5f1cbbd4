package dev.nudge.plan;

import dev.nudge.settings.train.Method;
import dev.nudge.settings.train.OptimizerSettings;
import dev.nudge.settings.train.Rate;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Locale;

/// Computes the rate of `--learning-rate auto`: 5e-4 · (2000 / width)^0.78 for adapters of alpha
/// 32, a tenth for full fine-tuning; widths below 340 count as 340.
///
/// The form, the exponent (that of Llama models; Qwen's is lower, which is less than a factor of
/// two at widths of 800 to 5,000) and the independence of rank at a fixed alpha are from "LoRA
/// without regret" [1] and an earlier version of its cookbook. It was measured here at a width of
/// 576 only (`docs/benchmarks.md`).
///
/// Doubling alpha acts like doubling only B's rate, and so does a LoRA+ ratio of two: the rate is
/// divided by the root of either, a value between the best rates of A and of B. rsLoRA counts as an
/// alpha √r times as large. Patterns of ranks and alphas, whole modules and added tokens are
/// ignored.
///
/// (IA)³ uses the rate of its paper [2] at any width.
///
/// [1] J. Schulman and Thinking Machines, 2025. [2] Liu et al., arXiv:2205.05638.
public final class AutoRate {
  private static final double ADAPTER = 5e-4; // at the width WIDTH
  private static final double ALPHA = 32;
  private static final double WIDTH = 2000;
  private static final double EXPONENT = 0.78;
  private static final double FULL = 0.1; // of an adapter's
  private static final double IA3 = 3e-3;
  private static final int NARROWEST = 340; // rate 2e-3
  private static final double FAR = 5; // times the fitting rate, or a fifth of it

  private AutoRate() {}

  /// The rate, to two digits.
  ///
  /// @param alpha of the adapter, with rsLoRA √r times that (`LoraSettings.plainAlpha`)
  /// @param width of the hidden states
  public static double of(Method method, double alpha, OptimizerSettings optimizer, int width) {
    if (method == Method.IA3) {
      return IA3;
    }
    double rate = ADAPTER * Math.pow(WIDTH / Math.max(width, NARROWEST), EXPONENT);
    if (method == Method.FULL) {
      rate *= FULL;
    } else {
      Double plus = optimizer.loraPlus();
      rate *= Math.sqrt(ALPHA / alpha / (plus == null ? 1 : plus));
    }
    return new BigDecimal(rate).round(new MathContext(2)).doubleValue();
  }

  /// Compares a run's rate with the fitting one.
  public static String advice(Method method, double alpha, OptimizerSettings optimizer, int width) {
    double fits = of(method, alpha, optimizer, width);
    double taken = optimizer.learningRate().isAuto() ? fits : optimizer.highestRate();
    boolean full = method == Method.FULL;
    String model = String.format(Locale.ROOT, "at a width of %,d", width);
    if (taken > fits * FAR || taken < fits / FAR) {
      return "--learning-rate %s is %s for %s %s; auto takes %s"
          .formatted(
              Rate.shown(taken),
              taken > fits ? "high" : "low",
              full ? "all weights" : "such an adapter",
              model,
              Rate.shown(fits));
    }
    return full
        ? "--learning-rate auto takes %s for all weights %s (a tenth of LoRA's)"
            .formatted(Rate.shown(fits), model)
        : "--learning-rate auto takes %s for such an adapter %s".formatted(Rate.shown(fits), model);
  }
}
