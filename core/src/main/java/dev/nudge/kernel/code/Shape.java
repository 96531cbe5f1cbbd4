package dev.nudge.kernel.code;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.nudge.kernel.Mxfp4;
import dev.nudge.kernel.Nf4;
import java.lang.foreign.MemorySegment;

/// Byte offsets of the fields in which a kernel reads the sizes of a product.
final class Shape {
  /// Bytes from a weight row to the next.
  static final int WEIGHT_STRIDE = 0;

  /// Bytes from a row of x to the next.
  static final int X_STRIDE = 8;

  /// Bytes from a weight row's scales to the next's.
  static final int SCALE_STRIDE = 16;

  /// Rounds of the kernel's loop.
  static final int ROUNDS = 24;

  /// Bytes from a row to the row to prefetch.
  static final int AHEAD = ROUNDS;

  /// Not 0: sixteen more numbers follow the rounds, for the sums of even numbers.
  static final int HALF = 32;

  /// Lanes of the last vector that are numbers; 0: there is no last vector.
  static final int REST = 40;

  /// Blocks whose numbers share a scale.
  static final int BLOCKS = REST;

  /// The factor that rounds NF4 values to bf16; 1: no rounding.
  static final int ROUND = 48;

  /// Offset of double-quantised scales.
  static final int OFFSET = 56;

  /// The sixteen levels of NF4, or twice those of MXFP4.
  static final int LEVELS = 64;

  /// Lanes that [StoreSums] writes of each sixteen results.
  static final int LANES = 128;

  static final int BYTES = 192;

  private Shape() {}

  static void set(
      MemorySegment shape, long weightStride, long xStride, long scaleStride, long rounds) {
    shape.set(JAVA_LONG, WEIGHT_STRIDE, weightStride);
    shape.set(JAVA_LONG, X_STRIDE, xStride);
    shape.set(JAVA_LONG, SCALE_STRIDE, scaleStride);
    shape.set(JAVA_LONG, ROUNDS, rounds);
  }

  /// Sets the remaining work.
  static void rest(MemorySegment shape, boolean half, int lanes) {
    shape.set(JAVA_LONG, HALF, half ? 1 : 0);
    shape.set(JAVA_LONG, REST, (1L << lanes) - 1);
  }

  /// Sets the levels of grouped codes: 0 to 15.
  static void grouped(MemorySegment shape, int blocks, float round) {
    shape.set(JAVA_LONG, BLOCKS, blocks);
    shape.set(JAVA_FLOAT, ROUND, round);
    for (int i = 0; i < 16; i++) {
      shape.set(JAVA_FLOAT, LEVELS + 4L * i, i);
    }
  }

  static void mxfp4(MemorySegment shape) {
    for (int i = 0; i < 16; i++) {
      shape.set(JAVA_FLOAT, LEVELS + 4L * i, Mxfp4.twice(i));
    }
  }

  static void nf4(MemorySegment shape, float round) {
    shape.set(JAVA_FLOAT, ROUND, round);
    for (int i = 0; i < 16; i++) {
      shape.set(JAVA_FLOAT, LEVELS + 4L * i, Nf4.level(i));
    }
  }
}
