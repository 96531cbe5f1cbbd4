package dev.nudge.quant;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/// Adds fp32 numbers in the order in which torch's CPU sum adds them on one thread.
///
/// Numbers form rows of 8 columns (of 1 below 8 numbers), four rows in parallel, each summed in a
/// cascade of four levels: a level is carried into the next after 2^p additions, p = max(4, ⌈log₂
/// rows⌉ / 4). Then levels, leftover rows, the four, the numbers that fill no row and the columns
/// are added. The order decides the last bit, and the mean of a weight's scales is stored in a
/// file.
final class TorchSum {
  private static final int LEVELS = 4;
  private static final int SIDE_BY_SIDE = 4;
  private static final int COLUMNS = 8;

  private TorchSum() {}

  /// The sum of the first `n` numbers.
  static float of(MemorySegment x, int n) {
    int columns = n < COLUMNS ? 1 : COLUMNS;
    float[] sums = columns(x, n / columns, columns);
    float sum = 0;
    for (int i = n / columns * columns; i < n; i++) {
      sum += x.getAtIndex(JAVA_FLOAT_UNALIGNED, i);
    }
    for (int c = 0; c < columns; c++) {
      sum += sums[c];
    }
    return sum;
  }

  /// The sums of `columns` columns of `rows` numbers.
  private static float[] columns(MemorySegment x, int rows, int columns) {
    int width = SIDE_BY_SIDE * columns;
    int count = rows / SIDE_BY_SIDE;
    int power = Math.max(4, ceilLog2(count) / LEVELS);
    float[][] level = new float[LEVELS][width];
    int i = 0;
    while (i + (1 << power) <= count) {
      for (int j = 0; j < 1 << power; j++, i++) {
        add(x, (long) i * width, level[0], width);
      }
      carry(level, i, power);
    }
    for (; i < count; i++) {
      add(x, (long) i * width, level[0], width);
    }
    float[] sum = level[0];
    for (int j = 1; j < LEVELS; j++) {
      for (int c = 0; c < width; c++) {
        sum[c] += level[j][c];
      }
    }
    for (int r = count * SIDE_BY_SIDE; r < rows; r++) {
      add(x, (long) r * columns, sum, columns);
    }
    for (int c = columns; c < width; c++) {
      sum[c % columns] += sum[c];
    }
    return sum;
  }

  private static void add(MemorySegment x, long from, float[] to, int n) {
    for (int c = 0; c < n; c++) {
      to[c] += x.getAtIndex(JAVA_FLOAT_UNALIGNED, from + c);
    }
  }

  /// Adds each level to the next one, as far up as `done` rows fill whole steps of it.
  private static void carry(float[][] level, int done, int power) {
    for (int j = 1; j < LEVELS; j++) {
      for (int c = 0; c < level[j].length; c++) {
        level[j][c] += level[j - 1][c];
        level[j - 1][c] = 0;
      }
      if ((done & ((1L << power) - 1) << j * power) != 0) {
        return;
      }
    }
  }

  private static int ceilLog2(int n) {
    return n <= 1 ? 0 : 32 - Integer.numberOfLeadingZeros(n - 1);
  }
}
