package dev.nudge.calibrate;

import dev.nudge.quant.GroupedCodes;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.Comparator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// GPTQ [1]: rounds a weight column by column; each column's error is made up for by the columns
/// that follow, so that the layer's outputs on the rows change least.
///
/// With H + damping = R Rᵀ ([Hessian#factor]) and D = W − Q, column j is rounded at
///
///     W_j + (Σ_{k<j} D_k R_kj) / R_jj
///
/// which is what the original computes from the Cholesky factor of H⁻¹ (that factor is R⁻¹),
/// without inverting. Blocks of columns take the sum over earlier blocks as one product. A group's
/// grid is fitted when its first column is reached, to its weights as all earlier errors have moved
/// them: to W + C with C R = S, S that sum for the group's columns. Static grids are fitted to W.
///
/// The damping grows by [#MORE] until H is positive definite; at 1 weights are rounded to nearest.
///
/// [1] Frantar et al., "GPTQ: Accurate Post-training Quantization for Generative Pre-trained
/// Transformers", arXiv:2210.17323.
final class Gptq {
  private static final double MORE = 0.01;
  private static final int BLOCK = 128;

  /// How columns are ordered and grouped.
  ///
  /// @param ordered whether the columns with the largest inputs come first
  /// @param scattered whether a group is of neighbours in that order, not in the file's
  /// @param group columns of a group
  record Order(boolean ordered, boolean scattered, int group, double damping) {}

  /// @param damping what it took; 1 or more: the weight was rounded to nearest
  record Rounded(GroupedCodes codes, double damping) {}

  private final Grid grid;
  private final Order order;
  private final Gemm gemm;

  Gptq(Grid grid, Order order, Gemm gemm) {
    this.grid = grid;
    this.order = order;
    this.gemm = gemm;
  }

  /// Rounds a weight.
  ///
  /// @param w F32 (rows, cols); columns whose input was always 0 become 0
  /// @param scope owns the codes
  Rounded round(Tensor w, Hessian h, Scope scope) {
    int n = w.cols();
    for (int c = 0; c < n; c++) {
      for (int r = 0; h.diagonal(c) == 0 && r < w.rows(); r++) {
        w.set(r, c, 0);
      }
    }
    int @Nullable [] columns = order.ordered ? columns(h) : null;
    GroupedCodes codes = GroupedCodes.in(scope, w.rows(), n, order.group, order.scattered);
    try (Scope meanwhile = Scope.open("gptq")) {
      for (double damping = order.damping; damping < 1; damping += MORE) {
        Tensor factor = h.factor(damping, columns, gemm, meanwhile);
        if (factor != null) {
          round(w, factor, columns, codes, meanwhile);
          return new Rounded(codes, damping);
        }
      }
    }
    GroupedCodes nearest = GroupedCodes.in(scope, w.rows(), n, order.group, false);
    nearest(w, grid, nearest);
    return new Rounded(nearest, 1);
  }

  /// The columns with the largest inputs first.
  private static int[] columns(Hessian h) {
    return IntStream.range(0, h.size())
        .boxed()
        .sorted(Comparator.<Integer>comparingDouble(i -> -h.diagonal(i)))
        .mapToInt(Integer::intValue)
        .toArray();
  }

  /// Rounds every weight to the nearest code of its group's grid.
  static void nearest(Tensor w, Grid grid, GroupedCodes codes) {
    Hessian.rows(
        w,
        (r, row) -> {
          Grid.Fit[] fits = fits(row, grid, codes, r);
          for (int c = 0; c < row.length; c++) {
            codes.codes().set(r, c, grid.code(row[c], fits[c / codes.group()]));
          }
        });
  }

  /// Fits the grids of a row's groups of neighbours.
  private static Grid.Fit[] fits(float[] row, Grid grid, GroupedCodes codes, int r) {
    Grid.Fit[] fits = new Grid.Fit[codes.groups()];
    for (int g = 0; g < fits.length; g++) {
      fits[g] = grid.fit(row, g * codes.group(), codes.group(), Float.MAX_VALUE);
      put(codes, r, g, fits[g]);
    }
    return fits;
  }

  private static void put(GroupedCodes codes, int r, int g, Grid.Fit fit) {
    codes.scales().set(r, g, fit.scale());
    codes.zeros().set(r, g, fit.zero());
  }

  private void round(
      Tensor w, Tensor factor, int @Nullable [] columns, GroupedCodes codes, Scope scope) {
    int n = w.cols();
    int group = order.group;
    boolean moving = group < n && (columns == null || order.scattered); // grids fit moved weights
    int width = moving ? group : Math.min(BLOCK, n);
    Grid.Fit[][] fits = new Grid.Fit[w.rows()][];
    if (!moving) {
      Hessian.rows(w, (r, row) -> fits[r] = fits(row, grid, codes, r));
    }
    Tensor groupOf = codes.groupOf();
    for (int p = 0; groupOf != null && p < n; p++) {
      int k = p / group;
      groupOf.set(0, columns == null ? p : columns[p], k);
    }
    Tensor errors = scope.tensor(Dtype.F32, w.rows(), n); // D, in the order of rounding
    Tensor sums = scope.tensor(Dtype.F32, w.rows(), width);
    for (int from = 0; from < n; from += width) {
      int to = Math.min(n, from + width);
      float[][] corner = new float[to - from][to - from];
      for (int i = from; i < to; i++) {
        Hessian.read(factor.rows(i, i + 1).cols(from, to), 0, corner[i - from]);
      }
      Tensor sum = sums.cols(0, to - from);
      if (from > 0) {
        Tensor above = factor.rows(0, from).cols(from, to);
        gemm.multiply(errors.cols(0, from), above, sum, false);
      }
      new Block(grid, w, columns, codes, errors, sum, corner, from, moving ? null : fits).round();
    }
  }

  /// Some columns, which are rounded row by row.
  ///
  /// @param sum Σ D R over the columns before, (rows, columns)
  /// @param corner R of these columns
  /// @param from the first column
  /// @param fits the grids of all groups by row; null: the columns are a group, still to be fitted
  private record Block(
      Grid grid,
      Tensor w,
      int @Nullable [] columns,
      GroupedCodes codes,
      Tensor errors,
      Tensor sum,
      float[][] corner,
      int from,
      Grid.Fit @Nullable [][] fits) {
    void round() {
      IntStream.range(0, w.rows()).parallel().forEach(this::row);
    }

    private int column(int j) {
      return columns == null ? from + j : columns[from + j];
    }

    private void row(int r) {
      int n = corner.length;
      float[] weights = new float[n];
      for (int j = 0; j < n; j++) {
        weights[j] = (float) w.get(r, column(j));
      }
      float[] before = new float[n];
      Hessian.read(sum, r, before);
      Grid.Fit whole = null;
      if (fits == null) {
        whole = grid.fit(moved(weights, before), 0, n, Float.MAX_VALUE);
        put(codes, r, from / codes.group(), whole);
      }
      float[] off = new float[n];
      for (int j = 0; j < n; j++) {
        int column = column(j);
        Grid.Fit fit = whole == null ? fit(r, column) : whole;
        int code = grid.code(weights[j] + before[j] / corner[j][j], fit);
        codes.codes().set(r, column, code);
        off[j] = weights[j] - Grid.value(code, fit);
        add(off[j], corner[j], before, j + 1);
      }
      Hessian.write(off, errors.cols(from, from + n), r);
    }

    private Grid.Fit fit(int r, int column) {
      return fits == null ? new Grid.Fit(1, 0) : fits[r][column / codes.group()];
    }

    /// The weights as the errors of the columns before the block move them.
    private float[] moved(float[] weights, float[] before) {
      float[] left = before.clone();
      float[] moved = new float[left.length];
      for (int j = 0; j < left.length; j++) {
        float by = left[j] / corner[j][j];
        moved[j] = weights[j] + by;
        add(-by, corner[j], left, j + 1);
      }
      return moved;
    }

    private static void add(float factor, float[] row, float[] to, int first) {
      for (int i = first; i < row.length; i++) {
        to[i] += factor * row[i];
      }
    }
  }
}
