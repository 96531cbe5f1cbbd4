package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.B;
import static dev.nudge.kernel.simd.Species.F;
import static dev.nudge.kernel.simd.Species.I;
import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.LE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2I;

import dev.nudge.kernel.DynamicMap;
import dev.nudge.kernel.Nf4;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.tensor.Dtype;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/// Multiplies few rows by an NF4 weight.
///
/// Scales of some weight rows are decoded first, into an array; then each weight row is read once.
///
/// Values are rounded to bf16 by 2¹⁶ + 1 as `round`: v·round − (v·round − v) is the nearest float
/// of eight bits, ties to even, for any v whose product is a normal float; 1 leaves them
/// unrounded.
final class SkinnyNf4 {
  /// Whether a block's sixteen values fill one or two vectors.
  static final boolean KNOWN = LANES == 16 || LANES == 8;

  private static final int BLOCKS = 1024; // scales decoded together

  private static final FloatVector LOW = levels(0);
  private static final FloatVector HIGH = levels(8); // of eight lanes
  private final Codes nested = new Codes(DynamicMap.SIGNED);

  /// Returns a vector of levels, from code `from` on.
  private static FloatVector levels(int from) {
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
        float[] sums = scratch.sums;
        if (LANES == 16 && one) {
          out.put(0, o, one16(packed, at, scales, scale, x, blocks, round, sums));
        } else if (LANES == 16) {
          four16(packed, at, scales, scale, x, stride, blocks, round, sums);
          out.put(o, sums);
        } else if (one) {
          out.put(0, o, one8(packed, at, scales, scale, x, blocks, round, sums));
        } else {
          four8(packed, at, scales, scale, x, stride, blocks, round, sums);
          out.put(o, sums);
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

  /// The sum over `blocks` blocks at `at`, on vectors of sixteen lanes: a block's sixteen values
  /// are
  /// one vector, and decoding is a permutation of it. Indices of a permutation wrap, so a byte's
  /// upper half need not be masked.
  private static float one16(
      MemorySegment w,
      long at,
      float[] scales,
      int from,
      MemorySegment x,
      int blocks,
      float round,
      float[] sums) {
    FloatVector even = FloatVector.zero(F);
    FloatVector odd = FloatVector.zero(F);
    for (int b = 0; b < blocks; b++) {
      FloatVector values = LOW.mul(scales[from + b]);
      FloatVector spread = values.mul(round);
      IntVector table = spread.sub(spread.sub(values)).reinterpretAsInts();
      long to = 256L * b;
      IntVector pairs0 =
          (IntVector)
              ByteVector.fromMemorySegment(B, w, at + 32L * b + 0, LE)
                  .convertShape(ZERO_EXTEND_B2I, I, 0);
      FloatVector first0 = pairs0.lanewise(LSHR, 4).selectFrom(table).reinterpretAsFloats();
      FloatVector second0 = pairs0.selectFrom(table).reinterpretAsFloats();
      even = first0.fma(FloatVector.fromMemorySegment(F, x, to + 0, LE), even);
      odd = second0.fma(FloatVector.fromMemorySegment(F, x, to + 64, LE), odd);
      IntVector pairs1 =
          (IntVector)
              ByteVector.fromMemorySegment(B, w, at + 32L * b + 16, LE)
                  .convertShape(ZERO_EXTEND_B2I, I, 0);
      FloatVector first1 = pairs1.lanewise(LSHR, 4).selectFrom(table).reinterpretAsFloats();
      FloatVector second1 = pairs1.selectFrom(table).reinterpretAsFloats();
      even = first1.fma(FloatVector.fromMemorySegment(F, x, to + 128, LE), even);
      odd = second1.fma(FloatVector.fromMemorySegment(F, x, to + 192, LE), odd);
    }
    even.add(odd).intoArray(sums, 0);
    return Sums.lanes(sums, 0);
  }

  /// The sums of four rows, `stride` bytes apart.
  private static void four16(
      MemorySegment w,
      long at,
      float[] scales,
      int from,
      MemorySegment x,
      long stride,
      int blocks,
      float round,
      float[] sums) {
    FloatVector even0 = FloatVector.zero(F);
    FloatVector odd0 = FloatVector.zero(F);
    FloatVector even1 = FloatVector.zero(F);
    FloatVector odd1 = FloatVector.zero(F);
    FloatVector even2 = FloatVector.zero(F);
    FloatVector odd2 = FloatVector.zero(F);
    FloatVector even3 = FloatVector.zero(F);
    FloatVector odd3 = FloatVector.zero(F);
    for (int b = 0; b < blocks; b++) {
      FloatVector values = LOW.mul(scales[from + b]);
      FloatVector spread = values.mul(round);
      IntVector table = spread.sub(spread.sub(values)).reinterpretAsInts();
      long to = 256L * b;
      IntVector pairs0 =
          (IntVector)
              ByteVector.fromMemorySegment(B, w, at + 32L * b + 0, LE)
                  .convertShape(ZERO_EXTEND_B2I, I, 0);
      FloatVector first0 = pairs0.lanewise(LSHR, 4).selectFrom(table).reinterpretAsFloats();
      FloatVector second0 = pairs0.selectFrom(table).reinterpretAsFloats();
      even0 = first0.fma(FloatVector.fromMemorySegment(F, x, to + 0, LE), even0);
      odd0 = second0.fma(FloatVector.fromMemorySegment(F, x, to + 64, LE), odd0);
      even1 = first0.fma(FloatVector.fromMemorySegment(F, x, stride + to + 0, LE), even1);
      odd1 = second0.fma(FloatVector.fromMemorySegment(F, x, stride + to + 64, LE), odd1);
      even2 = first0.fma(FloatVector.fromMemorySegment(F, x, 2 * stride + to + 0, LE), even2);
      odd2 = second0.fma(FloatVector.fromMemorySegment(F, x, 2 * stride + to + 64, LE), odd2);
      even3 = first0.fma(FloatVector.fromMemorySegment(F, x, 3 * stride + to + 0, LE), even3);
      odd3 = second0.fma(FloatVector.fromMemorySegment(F, x, 3 * stride + to + 64, LE), odd3);
      IntVector pairs1 =
          (IntVector)
              ByteVector.fromMemorySegment(B, w, at + 32L * b + 16, LE)
                  .convertShape(ZERO_EXTEND_B2I, I, 0);
      FloatVector first1 = pairs1.lanewise(LSHR, 4).selectFrom(table).reinterpretAsFloats();
      FloatVector second1 = pairs1.selectFrom(table).reinterpretAsFloats();
      even0 = first1.fma(FloatVector.fromMemorySegment(F, x, to + 128, LE), even0);
      odd0 = second1.fma(FloatVector.fromMemorySegment(F, x, to + 192, LE), odd0);
      even1 = first1.fma(FloatVector.fromMemorySegment(F, x, stride + to + 128, LE), even1);
      odd1 = second1.fma(FloatVector.fromMemorySegment(F, x, stride + to + 192, LE), odd1);
      even2 = first1.fma(FloatVector.fromMemorySegment(F, x, 2 * stride + to + 128, LE), even2);
      odd2 = second1.fma(FloatVector.fromMemorySegment(F, x, 2 * stride + to + 192, LE), odd2);
      even3 = first1.fma(FloatVector.fromMemorySegment(F, x, 3 * stride + to + 128, LE), even3);
      odd3 = second1.fma(FloatVector.fromMemorySegment(F, x, 3 * stride + to + 192, LE), odd3);
    }
    even0.add(odd0).intoArray(sums, 0);
    even1.add(odd1).intoArray(sums, LANES);
    even2.add(odd2).intoArray(sums, 2 * LANES);
    even3.add(odd3).intoArray(sums, 3 * LANES);
    Sums.lanes(sums);
  }

  /// Sums on vectors of eight lanes: a block's sixteen values are two vectors, and the upper bit of
  /// a code selects one of them.
  ///
  /// A loop over the quarters of a block costs a third of the speed for one row, and four rows
  /// unrolled are too long to compile; so one row is unrolled, and four are not.
  private static float one8(
      MemorySegment w,
      long at,
      float[] scales,
      int from,
      MemorySegment x,
      int blocks,
      float round,
      float[] sums) {
    FloatVector even = FloatVector.zero(F);
    FloatVector odd = FloatVector.zero(F);
    for (int b = 0; b < blocks; b++) {
      FloatVector lowValues = LOW.mul(scales[from + b]);
      FloatVector lowSpread = lowValues.mul(round);
      IntVector low = lowSpread.sub(lowSpread.sub(lowValues)).reinterpretAsInts();
      FloatVector highValues = HIGH.mul(scales[from + b]);
      FloatVector highSpread = highValues.mul(round);
      IntVector high = highSpread.sub(highSpread.sub(highValues)).reinterpretAsInts();
      long to = 256L * b;
      IntVector pairs0 =
          (IntVector)
              ByteVector.fromMemorySegment(B, w, at + 32L * b + 0, LE)
                  .convertShape(ZERO_EXTEND_B2I, I, 0);
      IntVector codes0 = pairs0.lanewise(LSHR, 4);
      FloatVector first0 =
          codes0
              .selectFrom(low)
              .blend(codes0.selectFrom(high), codes0.compare(GT, 7))
              .reinterpretAsFloats();
      IntVector others0 = pairs0.and(15);
      FloatVector second0 =
          others0
              .selectFrom(low)
              .blend(others0.selectFrom(high), others0.compare(GT, 7))
              .reinterpretAsFloats();
      even = first0.fma(FloatVector.fromMemorySegment(F, x, to + 0, LE), even);
      odd = second0.fma(FloatVector.fromMemorySegment(F, x, to + 32, LE), odd);
      IntVector pairs1 =
          (IntVector)
              ByteVector.fromMemorySegment(B, w, at + 32L * b + 8, LE)
                  .convertShape(ZERO_EXTEND_B2I, I, 0);
      IntVector codes1 = pairs1.lanewise(LSHR, 4);
      FloatVector first1 =
          codes1
              .selectFrom(low)
              .blend(codes1.selectFrom(high), codes1.compare(GT, 7))
              .reinterpretAsFloats();
      IntVector others1 = pairs1.and(15);
      FloatVector second1 =
          others1
              .selectFrom(low)
              .blend(others1.selectFrom(high), others1.compare(GT, 7))
              .reinterpretAsFloats();
      even = first1.fma(FloatVector.fromMemorySegment(F, x, to + 64, LE), even);
      odd = second1.fma(FloatVector.fromMemorySegment(F, x, to + 96, LE), odd);
      IntVector pairs2 =
          (IntVector)
              ByteVector.fromMemorySegment(B, w, at + 32L * b + 16, LE)
                  .convertShape(ZERO_EXTEND_B2I, I, 0);
      IntVector codes2 = pairs2.lanewise(LSHR, 4);
      FloatVector first2 =
          codes2
              .selectFrom(low)
              .blend(codes2.selectFrom(high), codes2.compare(GT, 7))
              .reinterpretAsFloats();
      IntVector others2 = pairs2.and(15);
      FloatVector second2 =
          others2
              .selectFrom(low)
              .blend(others2.selectFrom(high), others2.compare(GT, 7))
              .reinterpretAsFloats();
      even = first2.fma(FloatVector.fromMemorySegment(F, x, to + 128, LE), even);
      odd = second2.fma(FloatVector.fromMemorySegment(F, x, to + 160, LE), odd);
      IntVector pairs3 =
          (IntVector)
              ByteVector.fromMemorySegment(B, w, at + 32L * b + 24, LE)
                  .convertShape(ZERO_EXTEND_B2I, I, 0);
      IntVector codes3 = pairs3.lanewise(LSHR, 4);
      FloatVector first3 =
          codes3
              .selectFrom(low)
              .blend(codes3.selectFrom(high), codes3.compare(GT, 7))
              .reinterpretAsFloats();
      IntVector others3 = pairs3.and(15);
      FloatVector second3 =
          others3
              .selectFrom(low)
              .blend(others3.selectFrom(high), others3.compare(GT, 7))
              .reinterpretAsFloats();
      even = first3.fma(FloatVector.fromMemorySegment(F, x, to + 192, LE), even);
      odd = second3.fma(FloatVector.fromMemorySegment(F, x, to + 224, LE), odd);
    }
    even.add(odd).intoArray(sums, 0);
    return Sums.lanes(sums, 0);
  }

  /// The sums of four rows, `stride` bytes apart.
  private static void four8(
      MemorySegment w,
      long at,
      float[] scales,
      int from,
      MemorySegment x,
      long stride,
      int blocks,
      float round,
      float[] sums) {
    FloatVector even0 = FloatVector.zero(F);
    FloatVector odd0 = FloatVector.zero(F);
    FloatVector even1 = FloatVector.zero(F);
    FloatVector odd1 = FloatVector.zero(F);
    FloatVector even2 = FloatVector.zero(F);
    FloatVector odd2 = FloatVector.zero(F);
    FloatVector even3 = FloatVector.zero(F);
    FloatVector odd3 = FloatVector.zero(F);
    for (int b = 0; b < blocks; b++) {
      FloatVector lowValues = LOW.mul(scales[from + b]);
      FloatVector lowSpread = lowValues.mul(round);
      IntVector low = lowSpread.sub(lowSpread.sub(lowValues)).reinterpretAsInts();
      FloatVector highValues = HIGH.mul(scales[from + b]);
      FloatVector highSpread = highValues.mul(round);
      IntVector high = highSpread.sub(highSpread.sub(highValues)).reinterpretAsInts();
      for (int step = 4 * b; step < 4 * b + 4; step++) {
        IntVector pairs =
            (IntVector)
                ByteVector.fromMemorySegment(B, w, at + 8L * step, LE)
                    .convertShape(ZERO_EXTEND_B2I, I, 0);
        IntVector codes = pairs.lanewise(LSHR, 4);
        IntVector others = pairs.and(15);
        FloatVector first =
            codes
                .selectFrom(low)
                .blend(codes.selectFrom(high), codes.compare(GT, 7))
                .reinterpretAsFloats();
        FloatVector second =
            others
                .selectFrom(low)
                .blend(others.selectFrom(high), others.compare(GT, 7))
                .reinterpretAsFloats();
        long to = 64L * step;
        even0 = first.fma(FloatVector.fromMemorySegment(F, x, to, LE), even0);
        odd0 = second.fma(FloatVector.fromMemorySegment(F, x, to + 32, LE), odd0);
        even1 = first.fma(FloatVector.fromMemorySegment(F, x, stride + to, LE), even1);
        odd1 = second.fma(FloatVector.fromMemorySegment(F, x, stride + to + 32, LE), odd1);
        even2 = first.fma(FloatVector.fromMemorySegment(F, x, 2 * stride + to, LE), even2);
        odd2 = second.fma(FloatVector.fromMemorySegment(F, x, 2 * stride + to + 32, LE), odd2);
        even3 = first.fma(FloatVector.fromMemorySegment(F, x, 3 * stride + to, LE), even3);
        odd3 = second.fma(FloatVector.fromMemorySegment(F, x, 3 * stride + to + 32, LE), odd3);
      }
    }
    even0.add(odd0).intoArray(sums, 0);
    even1.add(odd1).intoArray(sums, LANES);
    even2.add(odd2).intoArray(sums, 2 * LANES);
    even3.add(odd3).intoArray(sums, 3 * LANES);
    Sums.lanes(sums);
  }
}
