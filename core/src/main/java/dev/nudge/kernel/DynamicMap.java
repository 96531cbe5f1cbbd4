package dev.nudge.kernel;

import java.util.Arrays;

/// Codes numbers of −1 to 1 in 8 bits, finer the smaller they are [1].
///
/// The map is a list of 256 values in rising order; a code is a place in it. For i = 0 … 6 the
/// decade
/// from 10^(i−7) to 10^(i−6) is cut into 2ⁱ equal parts a sign (signed) or 2^(i+1) (unsigned), and
/// the middle of each part is a value; 0 and 1 are values too. So seven decades are covered, the
/// uppermost to 0.7 or 0.35 % of its end. The signed map has +1 and no −1. Values are rounded as
/// bitsandbytes' are (linspace with a fused multiply-add, then middle, then decade, each in fp32),
/// to
/// the same bits.
///
/// The code of a number is the value nearest to it, exactly; halfway between two it is the lower
/// one.
/// It is found without a search: the upper 16 bits of the number name one of 65,536 cells, a cell
/// knows the code of its lower end, and no cell holds more than one change of code. So one
/// comparison
/// with that code's upper end is left. Only the few cells of the decades in use are ever in cache.
///
/// Threading: immutable.
///
/// [1] Dettmers et al., 8-bit Optimizers via Block-wise Quantization, ICLR 2022.
public final class DynamicMap {
  /// 127 negative values, 0, and 128 positive ones: for first moments and differences.
  public static final DynamicMap SIGNED = new DynamicMap(true);

  /// 0 and 255 positive values: for second moments.
  public static final DynamicMap UNSIGNED = new DynamicMap(false);

  /// Number of codes.
  public static final int CODES = 256;

  private static final int DECADES = 7;
  private static final int CELL_BITS = 16;

  private final float[] values;
  private final int[] ends = new int[CODES]; // order() of the last float with this code
  private final byte[] cells = new byte[1 << CELL_BITS]; // the code of a cell's lowest number

  private DynamicMap(boolean signed) {
    values = values(signed);
    Arrays.fill(ends, Integer.MAX_VALUE);
    for (int code = 0; code < CODES - 1; code++) {
      double middle = ((double) values[code] + values[code + 1]) / 2; // exact
      float end = (float) middle;
      ends[code] = order(end > middle ? Math.nextDown(end) : end);
    }
    for (int cell = 0; cell < cells.length; cell++) {
      int a = order(Float.intBitsToFloat(cell << CELL_BITS));
      int b = order(Float.intBitsToFloat(cell << CELL_BITS | 0xffff));
      int low = Math.min(a, b);
      int code = 0;
      while (ends[code] < low) {
        code++;
      }
      cells[cell] = (byte) code;
    }
  }

  private static float[] values(boolean signed) {
    float[] values = new float[CODES];
    int n = 0;
    for (int decade = 0; decade < DECADES; decade++) {
      int parts = 1 << (signed ? decade : decade + 1);
      float scale = (float) Math.pow(10, decade - DECADES + 1);
      for (int i = 0; i < parts; i++) {
        float value = scale * ((bound(i, parts) + bound(i + 1, parts)) / 2);
        values[n++] = value;
        if (signed) {
          values[n++] = -value;
        }
      }
    }
    values[n++] = 0;
    values[n++] = 1;
    if (n != CODES) {
      throw new IllegalStateException("a map has " + n + " values, not " + CODES);
    }
    Arrays.sort(values);
    return values;
  }

  /// The i-th of `parts` + 1 even bounds from 0.1 to 1, each half counted from its own end.
  private static float bound(int i, int parts) {
    float step = (1f - 0.1f) / parts;
    return i < (parts + 1) / 2 ? Math.fma(step, i, 0.1f) : Math.fma(-step, parts - i, 1f);
  }

  /// The bits of a float as a number that is in the same order.
  private static int order(float v) {
    int bits = Float.floatToRawIntBits(v);
    return bits ^ (bits >> 31 & Integer.MAX_VALUE);
  }

  /// The value of a code, 0 to 255.
  public float value(int code) {
    return values[code];
  }

  /// The code of the value nearest to `y`, which is in −1 to 1; the lower one of two.
  public int code(float y) {
    int bits = Float.floatToRawIntBits(y);
    int code = cells[bits >>> CELL_BITS] & 0xff;
    return code + (ends[code] - (bits ^ (bits >> 31 & Integer.MAX_VALUE)) >>> 31);
  }
}
