package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.nudge.kernel.DynamicMap;
import dev.nudge.kernel.Nf4;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.tensor.Dtype;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/// Multiplies few rows by an NF4 weight.
///
/// Scales of some weight rows are decoded first, into an array; then each weight row is read once.
final class SkinnyNf4 {
  /// Whether a block's sixteen values fit one or two vectors of this machine.
  static final boolean KNOWN = LANES == 16 || LANES == 8;

  private static final int BLOCKS = 1024; // whose scales are made together

  private final Codes nested = new Codes(DynamicMap.SIGNED);

  /// The levels from code `from` on, as many as lanes.
  static FloatVector levels(int from) {
    float[] levels = new float[LANES];
    for (int i = 0; i < LANES && from + i < 16; i++) {
      levels[i] = Nf4.level(from + i);
    }
    return FloatVector.fromArray(F, levels, 0);
  }

  /// @param x rows in pairs, `stride` bytes apart
  /// @param one whether there is one row
  void multiply(
      SkinnyProduct.Quantized w,
      MemorySegment x,
      int stride,
      boolean one,
      Dtype compute,
      int from,
      int to,
      VectorSkinnyProduct.Out out) {
    Scratch scratch = Scratch.get();
    int blocks = w.cols() / Nf4.BLOCK;
    int rows = Math.max(1, BLOCKS / blocks);
    float[] scales = scratch.scales(Math.max(BLOCKS, blocks));
    float round = compute == Dtype.BF16 ? 65537 : 1;
    MemorySegment packed = w.packed().data();
    for (int first = from; first < to; first += rows) {
      int last = Math.min(to, first + rows);
      scales(w.scales(), first * blocks, (last - first) * blocks, scales);
      for (int o = first; o < last; o++) {
        long at = (long) o * w.cols() / 2;
        int scale = (o - first) * blocks;
        if (one) {
          out.put(
              0,
              o,
              LANES == 16
                  ? SkinnyNf4By16.one(packed, at, scales, scale, x, blocks, round)
                  : SkinnyNf4By8.one(packed, at, scales, scale, x, blocks, round));
        } else {
          if (LANES == 16) {
            SkinnyNf4By16.four(packed, at, scales, scale, x, stride, blocks, round, scratch.sums);
          } else {
            SkinnyNf4By8.four(packed, at, scales, scale, x, stride, blocks, round, scratch.sums);
          }
          out.put(o, scratch.sums);
        }
      }
    }
  }

  private void scales(SkinnyProduct.Scales s, int first, int n, float[] to) {
    MemorySegment absmax = s.absmax().data();
    if (s.codes() == null) {
      MemorySegment.copy(absmax, JAVA_FLOAT_UNALIGNED, 4L * first, to, 0, n);
      return;
    }
    MemorySegment codes = s.codes().data();
    int nest = SkinnyProduct.Scales.NESTED;
    for (int at = 0, m; at < n; at += m) {
      int block = first + at;
      m = Math.min(n - at, nest - block % nest);
      float largest = absmax.getAtIndex(JAVA_FLOAT_UNALIGNED, block / nest);
      nested.decode(codes, block, largest, to, at, m);
      for (int i = at; i < at + m; i++) {
        to[i] += s.offset();
      }
    }
  }
}
