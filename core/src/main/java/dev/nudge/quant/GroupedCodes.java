package dev.nudge.quant;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// A weight (rows, cols) during quantisation: w = scale · (code − zero).
///
/// @param group columns that share a scale and a zero
/// @param codes U8 (rows, cols), in the order of the columns
/// @param scales F32 (rows, groups), rounded to the file's type
/// @param zeros U8 (rows, groups)
/// @param groupOf I32 (1, cols): the group of each column; null: adjacent
public record GroupedCodes(
    int group, Tensor codes, Tensor scales, Tensor zeros, @Nullable Tensor groupOf) {

  /// Allocates codes.
  public static GroupedCodes in(Scope scope, int rows, int cols, int group, boolean scattered) {
    int groups = Math.ceilDiv(cols, group);
    return new GroupedCodes(
        group,
        scope.tensor(Dtype.U8, rows, cols),
        scope.tensor(Dtype.F32, rows, groups),
        scope.tensor(Dtype.U8, rows, groups),
        scattered ? scope.tensor(Dtype.I32, 1, cols) : null);
  }

  public int rows() {
    return codes.rows();
  }

  public int cols() {
    return codes.cols();
  }

  public int groups() {
    return scales.cols();
  }

  /// The group of a column.
  public int groupOf(int col) {
    return groupOf == null ? col / group : (int) groupOf.get(0, col);
  }

  /// Dequantises the codes.
  ///
  /// @param out F32 (rows, cols)
  public void dequantize(Tensor out) {
    int[] groups = IntStream.range(0, cols()).map(this::groupOf).toArray();
    IntStream.range(0, rows())
        .parallel()
        .forEach(
            r -> {
              for (int c = 0; c < groups.length; c++) {
                int zero = (int) zeros.get(r, groups[c]);
                out.set(r, c, (float) scales.get(r, groups[c]) * ((int) codes.get(r, c) - zero));
              }
            });
  }

  /// The codes of a row.
  byte[] row(int row) {
    byte[] all = new byte[cols()];
    MemorySegment.copy(codes.data(), JAVA_BYTE, (long) row * cols(), all, 0, cols());
    return all;
  }

  /// The zeros of a group, by row.
  byte[] zerosOf(int group) {
    byte[] all = new byte[rows()];
    for (int r = 0; r < all.length; r++) {
      all[r] = (byte) zeros.get(r, group);
    }
    return all;
  }
}
