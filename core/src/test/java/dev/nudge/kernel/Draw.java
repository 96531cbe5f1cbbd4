package dev.nudge.kernel;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/// Draws the shapes, numbers and tensors of one trial of an operation.
///
/// Tensors are views inside larger ones: their row stride is larger than a row, and what is around
/// them must be left alone.
final class Draw {
  private static final double AROUND = 7;

  final Random random;
  final Scope scope;
  final Dtype c;
  final Dtype acc;
  final int rows;
  final int cols;
  private SkinnyProduct.@Nullable Grouped weight;
  private SkinnyProduct.@Nullable Powers mxfp4;
  final int heads;
  final int half;
  final int first;
  final int repeat;
  final int window;
  final double scale;
  private final List<Tensor> wholes = new ArrayList<>();
  private final List<Tensor> views = new ArrayList<>();

  Draw(Random random, Scope scope, Dtype c, int rows, int cols) {
    this.random = random;
    this.scope = scope;
    this.c = c;
    this.acc = c.accumulator();
    this.rows = rows;
    this.cols = cols;
    this.heads = 1 + random.nextInt(4);
    this.half = 1 + random.nextInt(70);
    this.first = random.nextInt(cols + 2) - 2;
    this.repeat = 1 + random.nextInt(4);
    this.scale = 0.05 + random.nextDouble();
    this.window = 1 + random.nextInt(cols + 2);
  }

  /// A matrix of Gaussian numbers of C.
  Tensor low(int rows, int cols) {
    return matrix(c, rows, cols, 1);
  }

  /// A matrix of Gaussian numbers of acc.
  Tensor high(int rows, int cols) {
    return matrix(acc, rows, cols, 1);
  }

  /// A contiguous matrix of Gaussian numbers.
  Tensor dense(Dtype dtype, int rows, int cols) {
    Tensor t = scope.tensor(dtype, rows, cols);
    for (long i = 0; i < t.elements(); i++) {
      t.put(i, random.nextGaussian());
    }
    return t;
  }

  /// A weight of these parts, the same one while they are the same.
  SkinnyProduct.Grouped grouped(
      int bits, int group, int cols, Tensor codes, Tensor scales, Tensor zeros) {
    if (weight == null || weight.codes() != codes) {
      weight = new SkinnyProduct.Grouped(rows, cols, bits, group, codes, scales, zeros, null);
    }
    return weight;
  }

  /// The same in MXFP4.
  SkinnyProduct.Powers powers(Tensor codes, Tensor powers) {
    if (mxfp4 == null || mxfp4.codes() != codes) {
      mxfp4 = new SkinnyProduct.Powers(codes, powers);
    }
    return mxfp4;
  }

  /// A contiguous matrix of random bytes.
  Tensor bytes(int rows, int cols) {
    Tensor t = scope.tensor(Dtype.U8, rows, cols);
    for (long i = 0; i < t.elements(); i++) {
      t.put(i, random.nextInt(256));
    }
    return t;
  }

  Tensor matrix(Dtype dtype, int rows, int cols, double size) {
    int left = random.nextInt(3);
    int right = random.nextInt(20);
    Tensor whole = scope.tensor(dtype, rows + 1, left + cols + right);
    for (long i = 0; i < whole.elements(); i++) {
      whole.put(i, AROUND);
    }
    Tensor view = whole.cols(left, left + cols).rows(0, rows);
    for (int r = 0; r < rows; r++) {
      for (int col = 0; col < cols; col++) {
        view.set(r, col, size * random.nextGaussian());
      }
    }
    wholes.add(whole);
    views.add(view);
    return view;
  }

  /// A column of positive numbers of acc.
  Tensor positive(int rows, int cols) {
    Tensor t = high(rows, cols);
    for (int r = 0; r < rows; r++) {
      for (int col = 0; col < cols; col++) {
        t.set(r, col, 0.01 + Math.abs(t.get(r, col)));
      }
    }
    return t;
  }

  /// The lse of rows of scores, as the portable provider computes it.
  Tensor lse(Tensor scores, int window) {
    Tensor lse = high(scores.rows(), 1);
    Tensor probs = scope.tensor(acc, scores.rows(), scores.cols());
    new SoftmaxRows.Plain().forward(scores, scale, first, repeat, window, probs, lse);
    return lse;
  }

  /// A column of I32 below a bound.
  Tensor below(int rows, int bound) {
    Tensor t = scope.tensor(Dtype.I32, rows, 1);
    for (int r = 0; r < rows; r++) {
      t.put(r, random.nextInt(bound));
    }
    return t;
  }

  /// A column of any I64.
  Tensor keys(int rows) {
    Tensor t = scope.tensor(Dtype.I64, rows, 1);
    for (int r = 0; r < rows; r++) {
      t.put(r, random.nextInt());
    }
    return t;
  }

  /// A row of any U8.
  Tensor codes(int cols) {
    Tensor t = scope.tensor(Dtype.U8, 1, cols);
    for (int col = 0; col < cols; col++) {
      t.put(col, random.nextInt(256));
    }
    return t;
  }

  /// The same numbers in tensors of their own.
  Tensor[] copies(Tensor[] tensors) {
    Tensor[] copies = tensors.clone();
    for (int i = 0; i < copies.length; i++) {
      Tensor t = tensors[i];
      copies[i] = scope.tensor(t.dtype(), t.rows(), t.cols());
      for (int r = 0; r < t.rows(); r++) {
        for (int col = 0; col < t.cols(); col++) {
          copies[i].set(r, col, t.get(r, col));
        }
      }
    }
    return copies;
  }

  /// The same numbers as F64 for tensors of floats; tensors of whole numbers as they are.
  Tensor[] wide(Tensor[] tensors) {
    Tensor[] wide = tensors.clone();
    for (int i = 0; i < wide.length; i++) {
      Tensor t = tensors[i];
      if (t.dtype().floating()) {
        wide[i] = scope.tensor(Dtype.F64, t.rows(), t.cols());
        for (int r = 0; r < t.rows(); r++) {
          for (int col = 0; col < t.cols(); col++) {
            wide[i].set(r, col, t.get(r, col));
          }
        }
      }
    }
    return wide;
  }

  /// Whether everything around the views is as it was.
  boolean untouchedAround() {
    for (int i = 0; i < wholes.size(); i++) {
      Tensor whole = wholes.get(i);
      Tensor view = views.get(i);
      for (int r = 0; r < view.rows(); r++) {
        for (int col = 0; col < view.cols(); col++) {
          view.set(r, col, AROUND);
        }
      }
      for (long k = 0; k < whole.elements(); k++) {
        if (whole.at(k) != AROUND) {
          return false;
        }
      }
    }
    return true;
  }
}
