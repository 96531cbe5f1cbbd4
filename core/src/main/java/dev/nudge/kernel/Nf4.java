package dev.nudge.kernel;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;

/// Quantises numbers to NF4 (4-bit NormalFloat): blocks of 64, sixteen levels, one scale a block.
///
/// The levels are quantiles of a normal distribution, scaled to −1 … 1, with an exact zero
/// [1]. With absmax the largest magnitude of a block:
///
///     code  = the level nearest to x / absmax, the lower one on a tie
///     value = level(code) · absmax, one rounding to fp32, one more to the output's type
///
/// Bytes are those of bitsandbytes' CPU back end [2]: element 2k is in the high half of byte k,
/// element 2k + 1 in the low half, and an odd count is padded with a zero; x / absmax is computed
/// as x · (1 / absmax) in whole blocks and as a quotient in a short last block; a block of zeros
/// has absmax 0 and codes of 0, a short last one an absmax of 1e-38.
///
/// [1] Dettmers et al., "QLoRA: Efficient Finetuning of Quantized LLMs", 2023, section 3.
/// [2] bitsandbytes 0.50.2, run by `core/src/test/reference/nf4.py`.
public interface Nf4 {
  /// Numbers that share a scale.
  int BLOCK = 64;

  /// Quantises `x`.
  ///
  /// @param x n numbers of any float type; here and below: contiguous, of any shape
  /// @param packed ⌈n/2⌉ of U8, written
  /// @param absmax ⌈n/64⌉ of F32, written
  void quantize(Tensor x, Tensor packed, Tensor absmax);

  /// Dequantises numbers.
  ///
  /// @param packed ⌈n/2⌉ of U8
  /// @param absmax ⌈n/64⌉ of F32
  /// @param out n numbers of any float type, written
  void dequantize(Tensor packed, Tensor absmax, Tensor out);

  /// Number of blocks of `n` numbers.
  static int blocks(long n) {
    return Math.toIntExact((n + BLOCK - 1) / BLOCK);
  }

  /// Number of bytes of the codes of `n` numbers, without scales.
  static int bytes(long n) {
    return Math.toIntExact((n + 1) / 2);
  }

  /// The level of a code.
  static float level(int code) {
    return Levels.LEVELS[code];
  }

  /// Checks that numbers, codes and scales fit each other; every provider calls it.
  static void check(Tensor x, Tensor packed, Tensor absmax) {
    elements("numbers", x, x.elements());
    elements("packed", packed, bytes(x.elements()));
    elements("absmax", absmax, blocks(x.elements()));
    if (packed.dtype() != Dtype.U8) {
      throw new IllegalArgumentException("packed is " + packed + ", must be U8");
    }
  }

  private static void elements(String name, Tensor t, long n) {
    if (t.elements() != n || !t.contiguous()) {
      throw new IllegalArgumentException(name + " is " + t + ", must be " + n + " contiguous ones");
    }
  }

  /// Computes in fp32 as the format defines it, number by number.
  final class Plain implements Nf4 {
    @Override
    public void quantize(Tensor x, Tensor packed, Tensor absmax) {
      check(x, packed, absmax);
      for (int b = 0; b < absmax.elements(); b++) {
        quantize(x, packed, absmax, b);
      }
    }

    /// Quantises one block, full or short.
    public static void quantize(Tensor x, Tensor packed, Tensor absmax, int block) {
      long from = (long) block * BLOCK;
      int n = (int) Math.min(BLOCK, x.elements() - from);
      float largest = 0;
      for (int i = 0; i < n; i++) {
        largest = Math.max(largest, Math.abs((float) x.at(from + i)));
      }
      float divisor = Math.max(largest, Levels.SMALLEST);
      float inverse = 1 / divisor;
      boolean whole = n == BLOCK;
      absmax.put(block, whole ? largest : divisor);
      for (int i = 0; i < n; i += 2) {
        float high = (float) x.at(from + i);
        float low = i + 1 < n ? (float) x.at(from + i + 1) : 0;
        int h = Levels.code(whole ? high * inverse : high / divisor);
        int l = Levels.code(whole ? low * inverse : low / divisor);
        packed.data().set(JAVA_BYTE, (from + i) / 2, (byte) (h << 4 | l));
      }
    }

    @Override
    public void dequantize(Tensor packed, Tensor absmax, Tensor out) {
      check(out, packed, absmax);
      for (int b = 0; b < absmax.elements(); b++) {
        dequantize(packed, absmax, out, b);
      }
    }

    /// Dequantises one block, full or short.
    public static void dequantize(Tensor packed, Tensor absmax, Tensor out, int block) {
      long from = (long) block * BLOCK;
      int n = (int) Math.min(BLOCK, out.elements() - from);
      float scale = (float) absmax.at(block);
      for (int i = 0; i < n; i++) {
        int pair = packed.data().get(JAVA_BYTE, (from + i) / 2);
        int code = (i & 1) == 0 ? pair >> 4 & 15 : pair & 15;
        out.put(from + i, level(code) * scale);
      }
    }
  }

  /// The sixteen levels and the midpoints between them.
  final class Levels {
    private static final float[] LEVELS = {
      -1.0f,
      -0.6961928009986877f,
      -0.5250730514526367f,
      -0.39491748809814453f,
      -0.28444138169288635f,
      -0.18477343022823334f,
      -0.09105003625154495f,
      0.0f,
      0.07958029955625534f,
      0.16093020141124725f,
      0.24611230194568634f,
      0.33791524171829224f,
      0.44070982933044434f,
      0.5626170039176941f,
      0.7229568362236023f,
      1.0f
    };

    /// The least absmax of a block when dividing by it.
    public static final float SMALLEST = 1e-38f;

    private static final float[] BOUNDS = new float[LEVELS.length - 1];

    static {
      for (int i = 0; i < BOUNDS.length; i++) {
        BOUNDS[i] = (LEVELS[i] + LEVELS[i + 1]) / 2;
      }
    }

    private Levels() {}

    /// Returns the bound: larger numbers get codes above `i`.
    public static float bound(int i) {
      return BOUNDS[i];
    }

    private static int code(float scaled) {
      int code = 0;
      while (code < BOUNDS.length && scaled > BOUNDS[code]) {
        code++;
      }
      return code;
    }
  }
}
