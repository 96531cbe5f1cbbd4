package dev.nudge.kernel;

import java.util.Arrays;

/// Encodes numbers of −1 to 1 in 8 bits, with finer steps near 0: bitsandbytes' dynamic map [1].
///
/// The map is a list of 256 values in rising order; a code is an index into it. For i = 0 … 6 the
/// decade from 10^(i−7) to 10^(i−6) is split into 2ⁱ equal parts a sign (signed) or 2^(i+1)
/// (unsigned), and the middle of each part is a value; so are 0 and 1. The map spans seven decades,
/// the uppermost in steps of 1.4 or 0.7 % of its end. The signed map has +1 and no −1. Values are
/// rounded as bitsandbytes' are (linspace with a fused multiply-add, then middle, then decade, each
/// in fp32), to the same bits.
///
/// A number's code is exactly that of the nearest value, the lower on a tie. The unsigned map
/// rounds only 0 to 0, and other numbers at least to the next value: if a second moment became 0,
/// the first moment would be divided by a single gradient. Encoding needs no search: map the
/// number's bits to an integer in the order of floats ([#order]); its upper 16 bits select one of
/// 65,536 cells, no cell holds more than one change of code, and an entry of [#cells] holds the
/// cell's first code and the last lower 16 bits that have this code. Only the few cells of the
/// decades in use are ever in cache.
///
/// Threading: immutable.
///
/// [1] Dettmers et al., 8-bit Optimizers via Block-wise Quantization, ICLR 2022.
public final class DynamicMap {
  /// 127 negative values, 0, and 128 positive ones: for first moments and double-quantised scales.
  public static final DynamicMap SIGNED = new DynamicMap(true);

  /// 0 and 255 positive values: for second moments.
  public static final DynamicMap UNSIGNED = new DynamicMap(false);

  /// Number of codes.
  public static final int CODES = 256;

  private static final int DECADES = 7;
  private static final int LOW = 0xffff;

  private final float[] values;
  private final int[] cells = new int[1 << 16];

  private DynamicMap(boolean signed) {
    values = make(signed);
    int[] last = new int[CODES]; // [#order] of the last float of a code
    Arrays.fill(last, Integer.MAX_VALUE);
    for (int code = 0; code < CODES - 1; code++) {
      double middle = ((double) values[code] + values[code + 1]) / 2; // exact
      float end = (float) middle;
      last[code] = order(end > middle ? Math.nextDown(end) : end);
    }
    if (!signed) {
      last[0] = order(0);
    }
    int code = 0;
    for (int high = Short.MIN_VALUE; high <= Short.MAX_VALUE; high++) { // in the order of values
      while (last[code] < high << 16) {
        code++;
      }
      boolean changes = last[code] >> 16 == high;
      cells[high & LOW] = code << 16 | (changes ? last[code] & LOW : LOW);
    }
  }

  private static float[] make(boolean signed) {
    float[] values = new float[CODES];
    int n = 0;
    for (int decade = 0; decade < DECADES; decade++) {
      int parts = 1 << (signed ? decade : decade + 1);
      float scale = (float) Math.pow(10, decade - DECADES + 1);
      for (int i = 0; i < parts; i++) {
        float value = scale * ((edge(i, parts) + edge(i + 1, parts)) / 2);
        values[n++] = value;
        if (signed) {
          values[n++] = -value;
        }
      }
    }
    values[n++] = 0;
    values[n] = 1;
    Arrays.sort(values);
    return values;
  }

  /// The i-th of `parts` + 1 even edges from 0.1 to 1, counted from the nearer end.
  private static float edge(int i, int parts) {
    float step = (1f - 0.1f) / parts;
    return i < (parts + 1) / 2 ? Math.fma(step, i, 0.1f) : Math.fma(-step, parts - i, 1f);
  }

  /// Maps a float's bits to an integer with the same order.
  public static int order(float v) {
    int bits = Float.floatToRawIntBits(v);
    return bits ^ (bits >> 31 & Integer.MAX_VALUE);
  }

  /// Returns the value of a code; values rise with codes.
  public float value(int code) {
    return values[code];
  }

  /// All values, rising.
  public float[] values() {
    return values.clone();
  }

  /// Returns, by an [#order]'s upper 16 bits, unsigned, code · 65,536 + the lower 16 bits of the
  /// last number with that code.
  public int[] cells() {
    return cells.clone();
  }

  /// Returns the code of the value nearest to `v`, the lower on a tie; unsigned: 0's for 0 only.
  public int code(float v) {
    int order = order(v);
    int cell = cells[order >>> 16];
    return (cell >>> 16) + ((cell & LOW) - (order & LOW) >>> 31);
  }
}
