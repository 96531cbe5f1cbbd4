package dev.nudge.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Seeds;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Holds the divergence from a base, and its gradient, to the definition in double.
class HeadDivergenceTest {
  private static final int ROWS = 19; // more than a chunk of a wide vocabulary has
  private static final int WIDTH = 6;
  private static final int VOCABULARY = 41;

  @ParameterizedTest
  @CsvSource({"F64, 1, 0, 1e-11", "F64, 0.7, 2, 1e-11", "F32, 1, 0, 1e-5", "F32, 0.7, 2, 1e-5"})
  void itIsTheDefinition(Dtype dtype, double scale, double cap, double tolerance) {
    long seed = Seeds.next();
    Random random = new Random(seed);
    Kernels kernels = dtype == Dtype.F64 ? Kernels.plain() : Kernels.fastest();
    HeadLoss.Logits shape = new HeadLoss.Logits(scale, cap);
    try (Scope scope = Scope.open("test");
        Workspace ws = new Workspace(0, 1 << 22, Gemm.plain())) {
      Tensor h = filled(scope, dtype, ROWS, random);
      Tensor base = filled(scope, dtype, ROWS, random);
      Tensor w = filled(scope, dtype, VOCABULARY, random);
      Tensor targets = scope.tensor(Dtype.I32, ROWS, 1);
      Tensor divergence = scope.tensor(Dtype.F64, ROWS, 1);
      Tensor dh = scope.tensor(dtype, ROWS, WIDTH);
      HeadLoss.Weight weight = HeadLoss.Weight.of(w, shape);
      HeadDivergence.Base known = new HeadDivergence.Base(base, weight);
      HeadDivergence.train(known, h, weight, targets, 0.5, divergence, dh, null, ws, kernels);
      for (int r = 0; r < ROWS; r++) {
        double expected = divergence(base, h, w, r, shape);
        assertThat(divergence.at(r))
            .as("row %d, seed %d", r, seed)
            .isCloseTo(expected, within(tolerance * Math.max(1, expected)));
        for (int c = 0; c < WIDTH && dtype == Dtype.F64; c++) {
          double x = h.get(r, c);
          h.set(r, c, x + 1e-5);
          double above = divergence(base, h, w, r, shape);
          h.set(r, c, x - 1e-5);
          double below = divergence(base, h, w, r, shape);
          h.set(r, c, x);
          assertThat(dh.get(r, c)).isCloseTo(0.5 * (above - below) / 2e-5, within(1e-6));
        }
      }
      HeadDivergence.train(
          new HeadDivergence.Base(h, weight),
          h,
          weight,
          targets,
          1,
          divergence,
          dh,
          null,
          ws,
          kernels);
      for (int r = 0; r < ROWS; r++) { // of itself: to the bit
        assertThat(divergence.at(r)).isZero();
        assertThat(dh.get(r, 0)).isZero();
      }
    }
  }

  private static Tensor filled(Scope scope, Dtype dtype, int rows, Random random) {
    Tensor t = scope.tensor(dtype, rows, WIDTH);
    for (long i = 0; i < t.elements(); i++) {
      t.put(i, random.nextGaussian());
    }
    return t;
  }

  private static double divergence(
      Tensor base, Tensor h, Tensor w, int row, HeadLoss.Logits shape) {
    double[] x = logprobs(base, w, row, shape);
    double[] y = logprobs(h, w, row, shape);
    double sum = 0;
    for (int v = 0; v < x.length; v++) {
      sum += Math.exp(x[v]) * (x[v] - y[v]);
    }
    return sum;
  }

  private static double[] logprobs(Tensor h, Tensor w, int row, HeadLoss.Logits shape) {
    double[] z = new double[VOCABULARY];
    double sum = 0;
    for (int v = 0; v < z.length; v++) {
      for (int c = 0; c < WIDTH; c++) {
        z[v] += h.get(row, c) * w.get(v, c);
      }
      z[v] *= shape.scale();
      z[v] = shape.cap() == 0 ? z[v] : shape.cap() * Math.tanh(z[v] / shape.cap());
      sum += Math.exp(z[v]);
    }
    for (int v = 0; v < z.length; v++) {
      z[v] -= Math.log(sum);
    }
    return z;
  }
}
