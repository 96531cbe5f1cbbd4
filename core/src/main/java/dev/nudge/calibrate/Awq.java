package dev.nudge.calibrate;

import dev.nudge.quant.GroupedCodes;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/// AWQ [1]: scales the inputs of a layer that matter up, and what comes before it down by the same
/// factors s, so that nothing changes but what rounding loses; then cuts weights that widen a grid.
///
/// With x the mean of |input| over tokens and m the mean over rows of |w| / max|w of its group|,
/// the scales tried are s = x^r / (m^(1−r) + 1e-4), r = 0, 0.05 … 0.95, divided by √(max s · min
/// s), and s = 1, which the original leaves out. The best has the least squared error of the
/// layers' outputs, tr(E H Eᵀ) with E = Q(W s)/s − W. The original measures that behind attention
/// and MLP, on some of the tokens; here it is of the linear layers themselves, as the paper has it,
/// and of all tokens.
///
/// A cut tries max|w|·(1 − i/20), i = 0 … 9, by row and group, with the least squared error of the
/// group's part of the output.
///
/// [1] Lin et al., "AWQ: Activation-aware Weight Quantization", arXiv:2306.00978.
final class Awq {
  private static final int STEPS = 20;
  private static final int CUTS = 10;
  private static final double LEAST = 1e-4;

  private final Grid grid;
  private final int group;
  private final Gemm gemm;

  Awq(Grid grid, int group, Gemm gemm) {
    this.grid = grid;
    this.group = group;
    this.gemm = gemm;
  }

  /// Searches the scales of an input.
  ///
  /// @param weights of all layers that read it, F32 (rows, cols)
  /// @param storable changes scales to what the norm before can hold in its type
  double[] scales(List<Tensor> weights, Hessian h, UnaryOperator<double[]> storable) {
    double[] x = h.meanAbsolute();
    double[] m = magnitudes(weights);
    double[] best = IntStream.range(0, x.length).mapToDouble(_ -> 1).toArray();
    double least = loss(weights, h, best);
    for (int step = 0; step < STEPS; step++) {
      double r = step / (double) STEPS;
      double[] s = new double[x.length];
      for (int i = 0; i < s.length; i++) {
        s[i] = Math.max(Math.pow(x[i], r) / (Math.pow(m[i], 1 - r) + LEAST), LEAST);
      }
      double middle =
          Math.sqrt(Arrays.stream(s).max().orElseThrow() * Arrays.stream(s).min().orElseThrow());
      s = storable.apply(Arrays.stream(s).map(each -> each / middle).toArray());
      double loss = loss(weights, h, s);
      if (loss < least) {
        least = loss;
        best = s;
      }
    }
    return best;
  }

  /// The mean over rows of |w| / max|w of its group|.
  private double[] magnitudes(List<Tensor> weights) {
    double[] sums = new double[weights.getFirst().cols()];
    int rows = 0;
    for (Tensor w : weights) {
      float[] row = new float[w.cols()];
      for (int r = 0; r < w.rows(); r++) {
        Hessian.read(w, r, row);
        for (int from = 0; from < row.length; from += group) {
          float most = most(row, from);
          for (int i = from; i < from + group; i++) {
            sums[i] += most == 0 ? 0 : Math.abs(row[i]) / most;
          }
        }
      }
      rows += w.rows();
    }
    int all = rows;
    return Arrays.stream(sums).map(sum -> sum / all).toArray();
  }

  private float most(float[] row, int from) {
    float most = 0;
    for (int i = from; i < from + group; i++) {
      most = Math.max(most, Math.abs(row[i]));
    }
    return most;
  }

  private double loss(List<Tensor> weights, Hessian h, double[] s) {
    double loss = 0;
    for (Tensor w : weights) {
      try (Scope scope = Scope.open("awq")) {
        Tensor off = scope.tensor(Dtype.F32, w.rows(), w.cols());
        Hessian.rows(
            off,
            (r, e) -> {
              float[] row = new float[e.length];
              Hessian.read(w, r, row);
              for (int i = 0; i < row.length; i++) {
                e[i] = (float) (row[i] * s[i]);
              }
              for (int from = 0; from < e.length; from += group) {
                Grid.Fit fit = grid.fit(e, from, group, Float.MAX_VALUE);
                for (int i = from; i < from + group; i++) {
                  e[i] = (float) (Grid.value(grid.code(e[i], fit), fit) / s[i]) - row[i];
                }
              }
            });
        loss += h.error(off, scope.tensor(Dtype.F32, w.rows(), w.cols()), gemm);
      }
    }
    return loss;
  }

  /// Rounds a weight after its scales are in it.
  ///
  /// @param cuts whether large weights may be cut; not of queries and keys
  GroupedCodes round(Tensor w, Hessian h, boolean cuts, Scope scope) {
    if (cuts) {
      cut(w, h);
    }
    GroupedCodes codes = GroupedCodes.in(scope, w.rows(), w.cols(), group, false);
    Gptq.nearest(w, grid, codes);
    return codes;
  }

  private void cut(Tensor w, Hessian h) {
    int groups = w.cols() / group;
    float[][] limits = new float[w.rows()][groups];
    double[][] least = new double[w.rows()][groups];
    for (double[] row : least) {
      Arrays.fill(row, Double.MAX_VALUE);
    }
    try (Scope scope = Scope.open("awq")) {
      Tensor off = scope.tensor(Dtype.F32, w.rows(), w.cols());
      Tensor weighed = scope.tensor(Dtype.F32, w.rows(), w.cols());
      for (int cut = 0; cut < CUTS; cut++) {
        float share = 1 - cut / 20f;
        Hessian.rows(off, (r, e) -> off(w, r, share, e));
        for (int g = 0; g < groups; g++) {
          int to = (g + 1) * group;
          Tensor part = off.cols(to - group, to);
          gemm.multiply(part, h.block(to - group, to), weighed.cols(to - group, to), false);
        }
        IntStream.range(0, w.rows())
            .parallel()
            .forEach(r -> keepBest(w, off, weighed, r, share, least[r], limits[r]));
      }
    }
    Hessian.rows(
        w,
        (r, row) -> {
          for (int i = 0; i < row.length; i++) {
            float limit = limits[r][i / group];
            row[i] = Math.clamp(row[i], -limit, limit);
          }
        });
  }

  /// The errors of a row whose weights are cut to a share of the largest of their group.
  private void off(Tensor w, int r, float share, float[] e) {
    float[] row = new float[e.length];
    Hessian.read(w, r, row);
    for (int from = 0; from < e.length; from += group) {
      float limit = most(row, from) * share;
      Grid.Fit fit = grid.fit(row, from, group, limit);
      for (int i = from; i < from + group; i++) {
        int code = grid.code(Math.clamp(row[i], -limit, limit), fit);
        e[i] = Grid.value(code, fit) - row[i];
      }
    }
  }

  private void keepBest(
      Tensor w, Tensor off, Tensor weighed, int r, float share, double[] least, float[] limits) {
    float[] row = new float[w.cols()];
    float[] e = new float[row.length];
    float[] he = new float[row.length];
    Hessian.read(w, r, row);
    Hessian.read(off, r, e);
    Hessian.read(weighed, r, he);
    for (int g = 0; g < limits.length; g++) {
      double loss = 0;
      for (int i = g * group; i < (g + 1) * group; i++) {
        loss += (double) e[i] * he[i];
      }
      if (loss < least[g]) {
        least[g] = loss;
        limits[g] = most(row, g * group) * share;
      }
    }
  }
}
