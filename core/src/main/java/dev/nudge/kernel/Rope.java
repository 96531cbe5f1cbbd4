package dev.nudge.kernel;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;

/// Applies rotary position embedding (RoPE): rotates pairs of numbers by position, in place.
///
/// Each head, with h columns of the tables (headDim / 2, or fewer for partial rotary: then a
/// head's first 2·h numbers rotate and the others stay), rotates h pairs. Pair i is x[i], x[i + h]
/// (`HALVES`, most checkpoints) or x[2i], x[2i + 1] (`NEIGHBOURS`); at the row's position p:
///
///     a ← a·cos[p][i] − b·sin[p][i]
///     b ← b·cos[p][i] + a·sin[p][i]          (a, b) pair i, i = 0 … h − 1
///
/// A rotation's inverse is its transpose, so the backward pass is the same call with `inverse`:
/// only the tables are kept. The tables include any attention factor (as in YaRN), which the
/// transpose shares.
public interface Rope {
  /// Pairs a head's numbers.
  enum Pairing {
    /// Pairs x[i] with x[i + h].
    HALVES,
    /// Pairs x[2i] with x[2i + 1].
    NEIGHBOURS;

    /// The step from one pair's first number to the next one's.
    public int step() {
      return this == HALVES ? 1 : 2;
    }

    /// The distance of a pair's numbers.
    ///
    /// @param pairs of a head
    public int apart(int pairs) {
      return this == HALVES ? pairs : 1;
    }
  }

  /// Rotates every head of every row.
  ///
  /// @param x (n, heads·headDim) of C, in place
  /// @param positions (n, 1) of I32, rows of the tables
  /// @param cos (maxPositions, h) of acc, h at most headDim / 2
  /// @param sin like cos
  /// @param pairing of a head's first 2h numbers
  /// @param inverse whether to rotate back: the backward
  void apply(
      Tensor x,
      Tensor positions,
      Tensor cos,
      Tensor sin,
      int headDim,
      Pairing pairing,
      boolean inverse);

  /// Checks the arguments; every provider calls it.
  static void check(Tensor x, Tensor positions, Tensor cos, Tensor sin, int headDim) {
    if (headDim <= 0 || headDim % 2 != 0 || x.cols() % headDim != 0) {
      throw new IllegalArgumentException(
          "headDim " + headDim + " must be even and divide the columns of " + x);
    }
    Dtype acc = x.dtype().accumulator();
    Rows.shape("x", x, x.rows(), x.cols());
    Rows.shape("positions", positions, x.rows(), 1, Dtype.I32);
    if (cos.cols() > headDim / 2) {
      throw new IllegalArgumentException(cos + " turns more than " + headDim + " dimensions");
    }
    Rows.shape("cos", cos, cos.rows(), cos.cols(), acc);
    Rows.shape("sin", sin, cos.rows(), cos.cols(), acc);
  }

  /// Computes in double, row by row.
  final class Plain implements Rope {
    @Override
    public void apply(
        Tensor x,
        Tensor positions,
        Tensor cos,
        Tensor sin,
        int headDim,
        Pairing pairing,
        boolean inverse) {
      check(x, positions, cos, sin, headDim);
      int half = cos.cols();
      int step = pairing.step();
      int apart = pairing.apart(half);
      double[] row = new double[x.cols()];
      double[] c = new double[half];
      double[] s = new double[half];
      for (int r = 0; r < x.rows(); r++) {
        int position = Rows.int32(positions, r);
        Rows.index("position", position, cos.rows());
        Rows.load(x, r, row);
        Rows.load(cos, position, c);
        Rows.load(sin, position, s);
        for (int head = 0; head < row.length; head += headDim) {
          for (int i = 0; i < half; i++) {
            double sine = inverse ? -s[i] : s[i];
            int first = head + i * step;
            double a = row[first];
            double b = row[first + apart];
            row[first] = a * c[i] - b * sine;
            row[first + apart] = b * c[i] + a * sine;
          }
        }
        Rows.store(row, x, r);
      }
    }
  }
}
