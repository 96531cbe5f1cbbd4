package dev.nudge.kernel;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.nudge.tensor.Bf16;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/// Loads and stores rows of any float type as doubles, and checks shapes for every provider.
public final class Rows {
  private Rows() {}

  /// Loads a row; exact.
  static void load(Tensor t, int row, double[] to) {
    MemorySegment s = t.data();
    int n = t.cols();
    long o = row * t.rowStride() * t.dtype().bytes();
    switch (t.dtype()) {
      case F64 -> {
        for (int c = 0; c < n; c++) {
          to[c] = s.get(JAVA_DOUBLE_UNALIGNED, o + 8L * c);
        }
      }
      case F32 -> {
        for (int c = 0; c < n; c++) {
          to[c] = s.get(JAVA_FLOAT_UNALIGNED, o + 4L * c);
        }
      }
      case BF16 -> {
        for (int c = 0; c < n; c++) {
          to[c] = Bf16.toFloat(s.get(JAVA_SHORT_UNALIGNED, o + 2L * c));
        }
      }
      case F16 -> {
        for (int c = 0; c < n; c++) {
          to[c] = Float.float16ToFloat(s.get(JAVA_SHORT_UNALIGNED, o + 2L * c));
        }
      }
      case I64, I32, I16, I8, U8, BOOL -> throw notFloating(t);
    }
  }

  /// Stores a row, each number rounded once to nearest even.
  static void store(double[] from, Tensor t, int row) {
    MemorySegment s = t.data();
    int n = t.cols();
    long o = row * t.rowStride() * t.dtype().bytes();
    switch (t.dtype()) {
      case F64 -> {
        for (int c = 0; c < n; c++) {
          s.set(JAVA_DOUBLE_UNALIGNED, o + 8L * c, from[c]);
        }
      }
      case F32 -> {
        for (int c = 0; c < n; c++) {
          s.set(JAVA_FLOAT_UNALIGNED, o + 4L * c, (float) from[c]);
        }
      }
      case BF16 -> {
        for (int c = 0; c < n; c++) {
          s.set(JAVA_SHORT_UNALIGNED, o + 2L * c, Bf16.round(from[c]));
        }
      }
      case F16 -> {
        for (int c = 0; c < n; c++) {
          s.set(JAVA_SHORT_UNALIGNED, o + 2L * c, Float.floatToFloat16(odd(from[c])));
        }
      }
      case I64, I32, I16, I8, U8, BOOL -> throw notFloating(t);
    }
  }

  /// Adds to a row, each sum rounded once.
  public static void addTo(Tensor t, int row, double[] more) {
    double[] sum = new double[more.length];
    load(t, row, sum);
    for (int i = 0; i < sum.length; i++) {
      sum[i] += more[i];
    }
    store(sum, t, row);
  }

  /// Rounds a value to a tensor's type.
  static double rounded(double v, Dtype dtype) {
    return switch (dtype) {
      case F64 -> v;
      case F32 -> (float) v;
      case BF16 -> Bf16.toFloat(Bf16.round(v));
      case F16 -> Float.float16ToFloat(Float.floatToFloat16(odd(v)));
      case I64, I32, I16, I8, U8, BOOL ->
          throw new IllegalArgumentException(dtype + " is no float");
    };
  }

  /// Rounds to odd: the float next to `v` whose last bit is set unless it is exact, so that
  /// rounding it again to a shorter type equals rounding `v` directly.
  private static float odd(double v) {
    float f = (float) v;
    if (f == v || !Float.isFinite(f)) {
      return f;
    }
    int bits = Float.floatToRawIntBits(f);
    boolean beyond = Math.abs((double) f) > Math.abs(v);
    return Float.intBitsToFloat((beyond ? bits - 1 : bits) | 1);
  }

  /// Reads one I32 of a column.
  public static int int32(Tensor t, int row) {
    return t.data().get(JAVA_INT_UNALIGNED, row * t.rowStride() * 4);
  }

  /// Reads one I32 of a matrix with unit column stride.
  static int int32(Tensor t, int row, int col) {
    return t.data().get(JAVA_INT_UNALIGNED, (row * t.rowStride() + col) * 4);
  }

  /// Reads one I64 of a column.
  public static long int64(Tensor t, int row) {
    return t.data().get(JAVA_LONG_UNALIGNED, row * t.rowStride() * 8);
  }

  /// Demands a matrix of this shape with unit column stride.
  public static void shape(String name, Tensor t, int rows, int cols) {
    if (t.rows() != rows || t.cols() != cols) {
      throw new IllegalArgumentException(
          name + " is " + t + ", must have " + rows + " rows and " + cols + " columns");
    }
    if (cols > 1 && t.stride(1) != 1) {
      throw new IllegalArgumentException(
          name + " has column stride " + t.stride(1) + ", must have 1");
    }
  }

  /// Demands a matrix of this shape and type with unit column stride.
  public static void shape(String name, Tensor t, int rows, int cols, Dtype dtype) {
    shape(name, t, rows, cols);
    if (t.dtype() != dtype) {
      throw new IllegalArgumentException(name + " is " + t + ", must be " + dtype);
    }
  }

  /// Demands 0 ≤ `index` < `size`.
  public static void index(String name, int index, int size) {
    if (index < 0 || index >= size) {
      throw new IllegalArgumentException(name + " " + index + " is outside of 0 to " + (size - 1));
    }
  }

  private static IllegalArgumentException notFloating(Tensor t) {
    return new IllegalArgumentException(t + " holds no floating-point numbers");
  }
}
