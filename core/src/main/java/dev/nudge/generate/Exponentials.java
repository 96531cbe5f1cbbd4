package dev.nudge.generate;

import java.util.Arrays;

/// Exponentials of numbers from [#LEAST] to 0, many at a time, and their sum.
///
/// exp(x) is exp(x / 128) squared seven times, and that is the first terms of its series: with
/// y = x / 128 in [-0.4, 0] what follows y¹³ / 13! is below 3·10⁻¹⁷. The seven squares bring
/// rounding to 2·10⁻¹⁴ of the value, more than `Math.exp` has and nothing to a draw. There is no
/// branch and no call in it, and it goes in short loops over a block, which the compiler makes of
/// vectors: several times as fast, and the same bits on every machine.
///
/// Threading: confined to one thread.
final class Exponentials {
  /// What is below it is taken for it: 2·10⁻²².
  static final double LEAST = -50;

  private static final int BLOCK = 512;

  private final double[] y = new double[BLOCK];
  private final double[] e = new double[BLOCK];

  /// Writes exp((x - shift) / scale) for the first `count`.
  void of(double[] x, int count, double shift, double scale, double[] to) {
    double factor = Math.min(1 / scale, Double.MAX_VALUE); // 0 times it stays 0
    for (int from = 0; from < count; from += BLOCK) {
      int n = Math.min(BLOCK, count - from);
      Arrays.fill(e, 0, n, 1);
      shrink(x, from, n, shift, factor, y);
      series(y, e, n, 1.0 / 10, 1.0 / 11, 1.0 / 12, 1.0 / 13);
      series(y, e, n, 1.0 / 6, 1.0 / 7, 1.0 / 8, 1.0 / 9);
      series(y, e, n, 1.0 / 2, 1.0 / 3, 1.0 / 4, 1.0 / 5);
      square(y, e, n);
      square(e, n);
      square(e, n, to, from);
    }
  }

  private static void shrink(double[] x, int from, int n, double shift, double factor, double[] y) {
    for (int i = 0; i < n; i++) {
      y[i] = Math.max((x[from + i] - shift) * factor, LEAST) * (1.0 / 128);
    }
  }

  /// Four more terms, the last ones first.
  private static void series(
      double[] y, double[] e, int n, double a, double b, double c, double d) {
    for (int i = 0; i < n; i++) {
      double v = y[i];
      e[i] = 1 + a * v * (1 + b * v * (1 + c * v * (1 + d * v * e[i])));
    }
  }

  private static void square(double[] y, double[] e, int n) {
    for (int i = 0; i < n; i++) {
      double v = 1 + y[i] * e[i];
      v *= v;
      v *= v;
      e[i] = v * v;
    }
  }

  private static void square(double[] e, int n) {
    for (int i = 0; i < n; i++) {
      double v = e[i] * e[i];
      e[i] = v * v;
    }
  }

  private static void square(double[] e, int n, double[] to, int from) {
    for (int i = 0; i < n; i++) {
      double v = e[i] * e[i];
      to[from + i] = v * v;
    }
  }

  /// The sum of the first `count`, in four parts side by side.
  static double sum(double[] x, int count) {
    double a = 0;
    double b = 0;
    double c = 0;
    double d = 0;
    int i = 0;
    for (; i + 3 < count; i += 4) {
      a += x[i];
      b += x[i + 1];
      c += x[i + 2];
      d += x[i + 3];
    }
    for (; i < count; i++) {
      a += x[i];
    }
    return a + b + (c + d);
  }
}
