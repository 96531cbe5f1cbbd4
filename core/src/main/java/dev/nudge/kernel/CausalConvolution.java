package dev.nudge.kernel;

import dev.nudge.tensor.Tensor;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// A causal depthwise convolution along a sequence: each column by itself, with K taps.
///
///     y[t] = b + Σ_j w[j]·x[t − K + 1 + j],  j = 0 … K − 1
///
/// Inputs before the sequence's first row are those of its state, or 0. A row's sum has one order,
/// so it has the same bits however the rows are cut into passes.
///
/// Few layers have one, and its work is small beside their products, so there is one
/// implementation, in double, for every provider.
public final class CausalConvolution {
  private CausalConvolution() {}

  private static int taps(Tensor w, Tensor x) {
    return Math.toIntExact(w.elements() / x.cols());
  }

  /// w as rows of one tap each.
  ///
  /// @param w (columns · K) numbers, the taps of a column side by side
  private static double[][] byTap(Tensor w, int taps, int cols) {
    double[] all = new double[taps * cols];
    Rows.load(w.reshaped(1, w.elements()), 0, all);
    double[][] rows = new double[taps][cols];
    for (int c = 0; c < cols; c++) {
      for (int j = 0; j < taps; j++) {
        rows[j][c] = all[c * taps + j];
      }
    }
    return rows;
  }

  /// Loads the input at a place of the sequence's rows, which may lie before them.
  private static void input(Tensor x, @Nullable Tensor before, int place, double[] to) {
    if (place >= 0) {
      Rows.load(x, place, to);
    } else if (before != null) {
      Rows.load(before, before.rows() + place, to);
    } else {
      Arrays.fill(to, 0);
    }
  }

  /// Computes the rows `from` to `to` of y.
  ///
  /// @param x the sequence's rows
  /// @param before its K − 1 inputs before them; null: zeros
  /// @param bias (1, columns); null: none
  public static void forward(
      Tensor x,
      @Nullable Tensor before,
      Tensor w,
      @Nullable Tensor bias,
      Tensor y,
      int from,
      int to) {
    int taps = taps(w, x);
    int cols = x.cols();
    double[][] weights = byTap(w, taps, cols);
    double[][] seen = new double[taps][cols]; // the inputs of a row, the oldest at row % taps
    double[] base = new double[cols];
    if (bias != null) {
      Rows.load(bias, 0, base);
    }
    for (int place = from - taps + 1; place < from; place++) {
      input(x, before, place, seen[Math.floorMod(place, taps)]);
    }
    double[] sum = new double[cols];
    for (int row = from; row < to; row++) {
      Rows.load(x, row, seen[row % taps]);
      System.arraycopy(base, 0, sum, 0, cols);
      for (int j = 0; j < taps; j++) {
        addProduct(weights[j], seen[Math.floorMod(row - taps + 1 + j, taps)], sum);
      }
      Rows.store(sum, y, row);
    }
  }

  private static void addProduct(double[] a, double[] b, double[] sum) {
    for (int c = 0; c < sum.length; c++) {
      sum[c] += a[c] * b[c];
    }
  }

  /// dx[s] ← Σ_j w[j]·dy[s + K − 1 − j], over the rows of one sequence; dx is not dy.
  public static void backward(Tensor dy, Tensor w, Tensor dx) {
    int taps = taps(w, dy);
    int cols = dy.cols();
    double[][] weights = byTap(w, taps, cols);
    double[][] ahead = new double[taps][cols]; // gradients of the rows from s on, at row % taps
    double[] sum = new double[cols];
    for (int row = dy.rows() - 1; row >= 0; row--) {
      Rows.load(dy, row, ahead[row % taps]);
      Arrays.fill(sum, 0);
      for (int j = taps - 1; j >= 0; j--) {
        int other = row + taps - 1 - j;
        if (other < dy.rows()) {
          addProduct(weights[j], ahead[other % taps], sum);
        }
      }
      Rows.store(sum, dx, row);
    }
  }

  /// Adds the gradient of w, over the rows of one sequence that begins with them.
  ///
  /// @param dw like w
  public static void gradient(Tensor x, Tensor dy, Tensor dw) {
    int taps = taps(dw, x);
    int cols = x.cols();
    double[][] seen = new double[taps][cols];
    double[] d = new double[cols];
    double[][] sums = new double[taps][cols];
    for (int row = 0; row < x.rows(); row++) {
      Rows.load(x, row, seen[row % taps]);
      Rows.load(dy, row, d);
      for (int j = 0; j < taps && row - j >= 0; j++) {
        addProduct(d, seen[(row - j) % taps], sums[taps - 1 - j]);
      }
    }
    double[] all = new double[taps * cols];
    for (int c = 0; c < cols; c++) {
      for (int j = 0; j < taps; j++) {
        all[c * taps + j] = sums[j][c];
      }
    }
    Rows.addTo(dw.reshaped(1, dw.elements()), 0, all);
  }

  /// Writes the state behind the first `count` rows: the last K − 1 inputs.
  ///
  /// @param before as in [#forward]; `state` may be the same memory
  public static void state(Tensor x, @Nullable Tensor before, int count, Tensor state) {
    double[] row = new double[x.cols()];
    for (int i = 0; i < state.rows(); i++) {
      input(x, before, count - state.rows() + i, row);
      Rows.store(row, state, i);
    }
  }

  /// y ← a ⊙ b; y may be a or b.
  public static void product(Tensor a, Tensor b, Tensor y, int from, int to) {
    double[] left = new double[a.cols()];
    double[] right = new double[a.cols()];
    for (int row = from; row < to; row++) {
      Rows.load(a, row, left);
      Rows.load(b, row, right);
      for (int c = 0; c < left.length; c++) {
        left[c] *= right[c];
      }
      Rows.store(left, y, row);
    }
  }
}
