package dev.nudge.calibrate;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.Random;

/// Random weights and inputs, some of which are far larger than others.
final class Cases {
  private Cases() {}

  static Tensor weight(int rows, int cols, long seed, Scope scope) {
    Random random = new Random(seed);
    Tensor w = scope.tensor(Dtype.F32, rows, cols);
    for (long i = 0; i < w.elements(); i++) {
      w.put(i, 0.05 * random.nextGaussian());
    }
    return w;
  }

  /// Correlated inputs; each has a size of its own.
  static Tensor inputs(int tokens, int n, long seed, Scope scope) {
    Random random = new Random(seed);
    Tensor x = scope.tensor(Dtype.F32, tokens, n);
    double[] size = random.doubles(n).map(u -> Math.exp(4 * u - 2)).toArray();
    for (int t = 0; t < tokens; t++) {
      double common = random.nextGaussian();
      for (int i = 0; i < n; i++) {
        x.set(t, i, size[i] * (random.nextGaussian() + (i % 3 == 0 ? common : 0)));
      }
    }
    return x;
  }

  static Hessian seen(Tensor x, Scope scope) {
    Hessian h = Hessian.of(x.cols(), scope);
    try (Gemm gemm = Gemm.plain()) {
      h.add(x, gemm);
    }
    return h;
  }

  /// tr(E H Eᵀ) of other weights.
  static double error(Tensor w, Tensor other, Hessian h, Scope scope) {
    Tensor off = scope.tensor(Dtype.F32, w.rows(), w.cols());
    for (long i = 0; i < w.elements(); i++) {
      off.put(i, other.at(i) - w.at(i));
    }
    try (Gemm gemm = Gemm.plain()) {
      return h.error(off, scope.tensor(Dtype.F32, w.rows(), w.cols()), gemm);
    }
  }

  static Tensor copy(Tensor w, Scope scope) {
    Tensor copy = scope.tensor(Dtype.F32, w.rows(), w.cols());
    copy.data().copyFrom(w.data());
    return copy;
  }
}
