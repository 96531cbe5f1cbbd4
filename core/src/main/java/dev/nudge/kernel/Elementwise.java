package dev.nudge.kernel;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/// Element-wise copy, add, scale and dropout; embedding lookup (gather) and gradient (scatter).
///
/// Results are rounded once to the type of the output. Tensors may differ in float type.
public interface Elementwise {
  /// y += bias on every row; bias (1, d) of any float type.
  void addBias(Tensor y, Tensor bias);

  /// x ← s·x.
  void scale(Tensor x, double s);

  /// dst ← src, converted.
  void copy(Tensor src, Tensor dst);

  /// y += x.
  void add(Tensor x, Tensor y);

  /// The sum of the squares, in double, in an order that depends on the shape only.
  double sumOfSquares(Tensor x);

  /// y ← (or +=) mask·x / (1 − p).
  ///
  /// @param rowKeys (n, 1) of I64: an id of row and step that is equal in every process
  /// @param salt id of the layer, so that a row has another mask in each layer
  /// @param p probability that an element is dropped, 0 ≤ p < 1
  /// @param add whether to add to y; else x may be y
  /// @see DropoutHash
  void dropout(Tensor x, Tensor y, Tensor rowKeys, long salt, double p, boolean add);

  /// `out[r] ← table[ids[r]]`, converted; ids (n, 1) of I32.
  void gather(Tensor table, Tensor ids, Tensor out);

  /// `table[ids[r]] += x[r]`, in row order; ids (n, 1) of I32, which may repeat.
  ///
  /// @param skipped an id whose rows are ignored (the padding token); -1: none
  void scatter(Tensor x, Tensor ids, int skipped, Tensor table);

  /// out (1, d) of acc: the sum over the rows of x, in row order; added to out if `add`.
  void colSum(Tensor x, Tensor out, boolean add);

  /// y ← factor ⊙ x + shift on every row; x may be y.
  ///
  /// @param factor (1, d) of any float type
  /// @param shift (1, d) of any float type; null: none
  void scaleCols(Tensor x, Tensor factor, @Nullable Tensor shift, Tensor y);

  /// out (1, d) of acc: the sum of x ⊙ y over the rows, in row order; added to out if `add`.
  void colDot(Tensor x, Tensor y, Tensor out, boolean add);

  /// Checks that two tensors have one shape; every provider calls it.
  static void same(Tensor x, Tensor y) {
    Rows.shape("x", x, x.rows(), x.cols());
    Rows.shape("y", y, x.rows(), x.cols());
  }

  /// Checks the arguments of a dropout; every provider calls it.
  static void check(Tensor x, Tensor y, Tensor rowKeys, double p) {
    same(x, y);
    Rows.shape("rowKeys", rowKeys, x.rows(), 1, Dtype.I64);
    if (!(p >= 0 && p < 1)) {
      throw new IllegalArgumentException("dropout " + p + " must be at least 0 and below 1");
    }
  }

  /// Checks the arguments of a gather or scatter; every provider calls it.
  static void check(Tensor table, Tensor ids, Tensor rows) {
    Rows.shape("table", table, table.rows(), rows.cols());
    Rows.shape("ids", ids, rows.rows(), 1, Dtype.I32);
    Rows.shape("rows", rows, rows.rows(), rows.cols());
  }

  /// Checks the arguments of a scaling of columns; every provider calls it.
  static void check(Tensor x, Tensor factor, @Nullable Tensor shift, Tensor y) {
    same(x, y);
    Rows.shape("factor", factor, 1, x.cols());
    if (shift != null) {
      Rows.shape("shift", shift, 1, x.cols());
    }
  }

  /// Computes in double, row by row.
  final class Plain implements Elementwise {
    @Override
    public void addBias(Tensor y, Tensor bias) {
      Rows.shape("y", y, y.rows(), y.cols());
      Rows.shape("bias", bias, 1, y.cols());
      double[] b = new double[y.cols()];
      double[] row = new double[y.cols()];
      Rows.load(bias, 0, b);
      for (int r = 0; r < y.rows(); r++) {
        Rows.load(y, r, row);
        add(b, row);
        Rows.store(row, y, r);
      }
    }

    @Override
    public void scale(Tensor x, double s) {
      Rows.shape("x", x, x.rows(), x.cols());
      double[] row = new double[x.cols()];
      for (int r = 0; r < x.rows(); r++) {
        Rows.load(x, r, row);
        for (int i = 0; i < row.length; i++) {
          row[i] *= s;
        }
        Rows.store(row, x, r);
      }
    }

    @Override
    public void copy(Tensor src, Tensor dst) {
      same(src, dst);
      double[] row = new double[src.cols()];
      for (int r = 0; r < src.rows(); r++) {
        Rows.load(src, r, row);
        Rows.store(row, dst, r);
      }
    }

    @Override
    public void add(Tensor x, Tensor y) {
      same(x, y);
      double[] a = new double[x.cols()];
      double[] b = new double[x.cols()];
      for (int r = 0; r < x.rows(); r++) {
        Rows.load(x, r, a);
        Rows.load(y, r, b);
        add(a, b);
        Rows.store(b, y, r);
      }
    }

    @Override
    public double sumOfSquares(Tensor x) {
      double[] row = new double[x.cols()];
      double sum = 0;
      for (int r = 0; r < x.rows(); r++) {
        Rows.load(x, r, row);
        for (double v : row) {
          sum += v * v;
        }
      }
      return sum;
    }

    @Override
    public void dropout(Tensor x, Tensor y, Tensor rowKeys, long salt, double p, boolean add) {
      check(x, y, rowKeys, p);
      double[] a = new double[x.cols()];
      double[] b = new double[x.cols()];
      int threshold = DropoutHash.threshold(p);
      for (int r = 0; r < x.rows(); r++) {
        long key = DropoutHash.key(Rows.int64(rowKeys, r), salt);
        Rows.load(x, r, a);
        for (int i = 0; i < a.length; i++) {
          a[i] = DropoutHash.keeps(key, i, threshold) ? a[i] / (1 - p) : 0;
        }
        if (add) {
          Rows.load(y, r, b);
          add(b, a);
        }
        Rows.store(a, y, r);
      }
    }

    @Override
    public void gather(Tensor table, Tensor ids, Tensor out) {
      check(table, ids, out);
      double[] row = new double[table.cols()];
      for (int r = 0; r < out.rows(); r++) {
        int id = Rows.int32(ids, r);
        Rows.index("id", id, table.rows());
        Rows.load(table, id, row);
        Rows.store(row, out, r);
      }
    }

    @Override
    public void scatter(Tensor x, Tensor ids, int skipped, Tensor table) {
      check(table, ids, x);
      double[] row = new double[x.cols()];
      double[] sum = new double[x.cols()];
      for (int r = 0; r < x.rows(); r++) {
        int id = Rows.int32(ids, r);
        if (id != skipped) {
          Rows.index("id", id, table.rows());
          Rows.load(x, r, row);
          Rows.load(table, id, sum);
          add(row, sum);
          Rows.store(sum, table, id);
        }
      }
    }

    @Override
    public void colSum(Tensor x, Tensor out, boolean add) {
      Rows.shape("x", x, x.rows(), x.cols());
      Rows.shape("out", out, 1, x.cols());
      double[] sum = new double[x.cols()];
      double[] row = new double[x.cols()];
      if (add) {
        Rows.load(out, 0, sum);
      }
      for (int r = 0; r < x.rows(); r++) {
        Rows.load(x, r, row);
        add(row, sum);
      }
      Rows.store(sum, out, 0);
    }

    @Override
    public void scaleCols(Tensor x, Tensor factor, @Nullable Tensor shift, Tensor y) {
      check(x, factor, shift, y);
      double[] f = new double[x.cols()];
      double[] s = new double[x.cols()];
      double[] row = new double[x.cols()];
      Rows.load(factor, 0, f);
      if (shift != null) {
        Rows.load(shift, 0, s);
      }
      for (int r = 0; r < x.rows(); r++) {
        Rows.load(x, r, row);
        for (int i = 0; i < row.length; i++) {
          row[i] = row[i] * f[i] + s[i];
        }
        Rows.store(row, y, r);
      }
    }

    @Override
    public void colDot(Tensor x, Tensor y, Tensor out, boolean add) {
      same(x, y);
      Rows.shape("out", out, 1, x.cols());
      double[] sum = new double[x.cols()];
      double[] a = new double[x.cols()];
      double[] b = new double[x.cols()];
      if (add) {
        Rows.load(out, 0, sum);
      }
      for (int r = 0; r < x.rows(); r++) {
        Rows.load(x, r, a);
        Rows.load(y, r, b);
        for (int i = 0; i < sum.length; i++) {
          sum[i] += a[i] * b[i];
        }
      }
      Rows.store(sum, out, 0);
    }

    private static void add(double[] x, double[] y) {
      for (int i = 0; i < y.length; i++) {
        y[i] += x[i];
      }
    }
  }
}
