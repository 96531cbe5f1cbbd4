package dev.nudge.quant;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.nudge.kernel.DynamicMap;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;

/// The scales of a weight in eight bits each: bitsandbytes' double quantisation.
///
/// The mean of all scales is subtracted; the differences are split into blocks of 256 and encoded
/// by the signed [DynamicMap], with one fp32 absmax a block:
///
///     scale = value(code) · absmax(block) + offset
///
/// Codes are bitsandbytes' to the bit, its stepped table included; the mean is summed in fp32 in
/// torch's order on one thread ([TorchSum]), because another last bit would change some codes.
///
/// @param codes (1, count) of U8
/// @param absmax (1, ⌈count/256⌉) of F32
/// @param offset the mean of the scales
public record NestedScales(Tensor codes, Tensor absmax, float offset) {
  /// Scales in a block, which share an fp32 absmax.
  public static final int BLOCK = SkinnyProduct.Scales.NESTED;

  private static final byte[] STEPS = steps();

  public NestedScales {
    if (codes.dtype() != Dtype.U8 || absmax.dtype() != Dtype.F32) {
      throw new IllegalArgumentException(codes + " and " + absmax + " must be U8 and F32");
    }
    if (absmax.elements() != blocks(codes.elements())) {
      throw new IllegalArgumentException(
          codes + " want " + blocks(codes.elements()) + " scales, not " + absmax.elements());
    }
  }

  /// Quantises scales (1, count) of F32.
  public static NestedScales quantize(Tensor scales, Scope scope) {
    int n = scales.cols();
    float offset = n == 0 ? 0 : TorchSum.of(scales.data(), n) / n;
    Tensor codes = scope.tensor(Dtype.U8, 1, n);
    Tensor absmax = scope.tensor(Dtype.F32, 1, blocks(n));
    float[] rest = new float[BLOCK];
    for (int b = 0; b < absmax.cols(); b++) {
      int count = Math.min(BLOCK, n - b * BLOCK);
      float largest = 0;
      for (int i = 0; i < count; i++) {
        rest[i] = scales.data().getAtIndex(JAVA_FLOAT_UNALIGNED, (long) b * BLOCK + i) - offset;
        largest = Math.max(largest, Math.abs(rest[i]));
      }
      absmax.data().setAtIndex(JAVA_FLOAT_UNALIGNED, b, largest);
      float inverse = 1 / largest;
      for (int i = 0; i < count; i++) {
        int code = largest == 0 ? 0 : stepped(rest[i] * inverse);
        codes.data().set(JAVA_BYTE, (long) b * BLOCK + i, (byte) code);
      }
    }
    return new NestedScales(codes, absmax, offset);
  }

  /// Scales without memory, for dry runs.
  static NestedScales dry(int count) {
    return new NestedScales(
        Tensor.dry(Dtype.U8, 1, count), Tensor.dry(Dtype.F32, 1, blocks(count)), 0);
  }

  /// Number of scales.
  public int count() {
    return Math.toIntExact(codes.elements());
  }

  /// Dequantises the scales from `first` on into `out` (1, number of scales) of F32.
  public void dequantize(int first, Tensor out) {
    MemorySegment from = codes.data();
    MemorySegment to = out.data();
    int last = first + out.cols();
    for (int i = first; i < last; ) {
      float scale = absmax.data().getAtIndex(JAVA_FLOAT_UNALIGNED, i / BLOCK);
      int end = Math.min(last, (i / BLOCK + 1) * BLOCK);
      for (; i < end; i++) {
        float level = DynamicMap.SIGNED.value(from.get(JAVA_BYTE, i) & 0xff);
        to.setAtIndex(JAVA_FLOAT_UNALIGNED, i - first, level * scale + offset);
      }
    }
  }

  /// The code that bitsandbytes' CPU back end gives a number of −1 to 1: the value nearest to the
  /// nearest of 65,536 steps.
  static int stepped(float v) {
    return STEPS[(int) ((Math.clamp(v, -1f, 1f) + 1) * 0.5f * (STEPS.length - 1) + 0.5f)] & 0xff;
  }

  private static byte[] steps() {
    byte[] steps = new byte[1 << 16];
    int code = 0;
    for (int i = 0; i < steps.length; i++) {
      float at = -1 + 2f * i / (steps.length - 1);
      while (code < 255 && middle(code) < at) {
        code++;
      }
      steps[i] = (byte) code;
    }
    return steps;
  }

  private static float middle(int code) {
    return 0.5f * (DynamicMap.SIGNED.value(code) + DynamicMap.SIGNED.value(code + 1));
  }

  private static int blocks(long count) {
    return Math.toIntExact((count + BLOCK - 1) / BLOCK);
  }
}
