package dev.nudge.kernel;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.util.Arrays;

/// A small matrix on the heap for kernels that combine a few short rows: [#sum] adds in one order,
/// so that a row's bits depend on its own operands only.
public abstract class RowMatrix {
  /// Rows that are summed at once.
  protected static final int TOGETHER = 4;

  private final int cols;

  /// Makes matrices, all of them in one precision.
  public interface Maker {
    RowMatrix of(int rows, int cols);
  }

  protected RowMatrix(int cols) {
    this.cols = cols;
  }

  public final int cols() {
    return cols;
  }

  /// row ← (row or 0) + Σ weights[at][k] · x[k], from k = `from` to `to` − 1.
  ///
  /// @param add whether the row is added to
  public abstract void sum(
      int row, RowMatrix weights, int at, int from, int to, RowMatrix x, boolean add);

  /// [#sum] of the rows `first` to `end` − 1, each with its own row of weights; the same bits.
  public void sums(
      int first, int end, RowMatrix weights, int from, int to, RowMatrix x, boolean add) {
    for (int row = first; row < end; row++) {
      sum(row, weights, row, from, to, x, add);
    }
  }

  /// Adds Σ weights[row][k] · x[k] over k < row + `more` to the rows `first` to `end` − 1.
  public final void lower(int first, int end, RowMatrix weights, int more, RowMatrix x) {
    for (int row = first, n; row < end; row += n) {
      n = Math.min(TOGETHER, end - row);
      sums(row, row + n, weights, 0, row + more, x, true);
      for (int i = 1; i < n; i++) {
        sum(row + i, weights, row + i, row + more, row + i + more, x, true);
      }
    }
  }

  /// Adds Σ weights[row][k] · x[k] over k from row + `more` to `to` − 1 to the rows below `to`.
  public final void upper(int to, RowMatrix weights, int more, RowMatrix x) {
    for (int row = 0, n; row < to; row += n) {
      n = Math.min(TOGETHER, to - row);
      int common = Math.min(to, row + n - 1 + more);
      for (int i = 0; i + 1 < n; i++) {
        sum(row + i, weights, row + i, row + i + more, common, x, true);
      }
      sums(row, row + n, weights, common, to, x, true);
    }
  }

  /// row ← s · x[xRow]; x may be this matrix.
  public abstract void scaled(int row, RowMatrix x, int xRow, double s);

  /// row[j] ← s · x[xRow][j] · d[j] for j < n, 0 for the others; x may be this matrix.
  public abstract void scaled(int row, RowMatrix x, int xRow, double s, double[] d, int n);

  /// Σ_j row[j] · x[xRow][j].
  public abstract double dot(int row, RowMatrix x, int xRow);

  /// to[j] += row[j] · x[xRow][j] for j < n.
  public abstract void products(int row, RowMatrix x, int xRow, double[] to, int n);

  /// this[j][col] ← x[xRow][j] for j < n.
  public abstract void column(int col, RowMatrix x, int xRow, int n);

  public abstract double get(int row, int col);

  public abstract void set(int row, int col, double value);

  /// Loads a row from columns of a tensor.
  public abstract void load(int row, Tensor from, int tensorRow, int col);

  /// Stores a row, rounded once, into columns of a tensor.
  public abstract void store(int row, Tensor to, int tensorRow, int col);

  /// Loads the rows `first` to `end` − 1 from the rows behind `at` of a tensor of equal width.
  public final void loadRows(int first, int end, Tensor from, int at) {
    for (int row = first; row < end; row++) {
      load(row, from, at + row, 0);
    }
  }

  /// Stores the rows `first` to `end` − 1 in the rows behind `at` of a tensor of equal width.
  public final void storeRows(int first, int end, Tensor to, int at) {
    for (int row = first; row < end; row++) {
      store(row, to, at + row, 0);
    }
  }

  /// Rounds a row to a type that states have.
  public abstract void round(int row, Dtype type);

  /// Sets all to 0.
  public abstract void clear();

  /// Computes in double.
  static final class Doubles extends RowMatrix {
    private final double[][] all;

    Doubles(int rows, int cols) {
      super(cols);
      all = new double[rows][cols];
    }

    private static double[] row(RowMatrix x, int row) {
      return ((Doubles) x).all[row];
    }

    @Override
    public void sum(
        int row, RowMatrix weights, int at, int from, int to, RowMatrix x, boolean add) {
      double[] y = all[row];
      double[] w = row(weights, at);
      if (!add) {
        Arrays.fill(y, 0);
      }
      for (int k = from; k < to; k++) {
        double[] other = row(x, k);
        double factor = w[k];
        for (int j = 0; j < y.length; j++) {
          y[j] += factor * other[j];
        }
      }
    }

    @Override
    public void scaled(int row, RowMatrix x, int xRow, double s) {
      double[] from = row(x, xRow);
      for (int j = 0; j < from.length; j++) {
        all[row][j] = s * from[j];
      }
    }

    @Override
    public void scaled(int row, RowMatrix x, int xRow, double s, double[] d, int n) {
      double[] from = row(x, xRow);
      for (int j = 0; j < from.length; j++) {
        all[row][j] = j < n ? s * d[j] * from[j] : 0;
      }
    }

    @Override
    public double dot(int row, RowMatrix x, int xRow) {
      double[] other = row(x, xRow);
      double sum = 0;
      for (int j = 0; j < other.length; j++) {
        sum += all[row][j] * other[j];
      }
      return sum;
    }

    @Override
    public void products(int row, RowMatrix x, int xRow, double[] to, int n) {
      double[] other = row(x, xRow);
      for (int j = 0; j < n; j++) {
        to[j] += all[row][j] * other[j];
      }
    }

    @Override
    public void column(int col, RowMatrix x, int xRow, int n) {
      double[] from = row(x, xRow);
      for (int j = 0; j < n; j++) {
        all[j][col] = from[j];
      }
    }

    @Override
    public double get(int row, int col) {
      return all[row][col];
    }

    @Override
    public void set(int row, int col, double value) {
      all[row][col] = value;
    }

    @Override
    public void load(int row, Tensor from, int tensorRow, int col) {
      Rows.load(from.cols(col, col + cols()), tensorRow, all[row]);
    }

    @Override
    public void store(int row, Tensor to, int tensorRow, int col) {
      Rows.store(all[row], to.cols(col, col + cols()), tensorRow);
    }

    @Override
    public void round(int row, Dtype type) {
      for (int j = 0; j < cols(); j++) {
        all[row][j] = Rows.rounded(all[row][j], type);
      }
    }

    @Override
    public void clear() {
      for (double[] row : all) {
        Arrays.fill(row, 0);
      }
    }
  }
}
