package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.nudge.kernel.AttendSweeps;
import java.lang.foreign.MemorySegment;

/// Sweeps over fp32 keys and values; numbers, queries and sums keep their order.
final class Fp32AttendSweeps implements AttendSweeps {
  private static final int SIDE = VectorSkinnyProduct.SIDE;

  @Override
  public void scores(Rows keys, Rows next, Sizes s, MemorySegment scratch, long to) {
    for (int i = 0; i < s.heads() * s.queries(); i += Math.min(SIDE, s.queries())) {
      long skip = 4L * s.dim() * (i / s.queries());
      scores(keys, skip, s, scratch, 4L * s.width() * i, to + 4L * s.row() * i);
    }
  }

  @Override
  public void sums(Rows values, Rows next, Sizes s, MemorySegment scratch, long weights) {
    for (int i = 0; i < s.heads() * s.queries(); i += Math.min(SIDE, s.queries())) {
      long skip = 4L * s.dim() * (i / s.queries());
      sums(values, skip, s, scratch, weights + 4L * s.row() * i, 4L * s.width() * i);
    }
  }

  private static void scores(
      Rows keys, long skip, Sizes s, MemorySegment scratch, long q, long to) {
    MemorySegment queries = scratch.asSlice(q);
    float[] sums = Scratch.get().sums;
    long at = keys.at() + skip;
    for (int j = 0; j < keys.count(); j++, at += keys.stride()) {
      if (s.queries() == 1) {
        float dot = SkinnyFp32.one(keys.data(), at, queries, 0, s.dim());
        scratch.set(JAVA_FLOAT_UNALIGNED, to + 4L * j, dot);
        continue;
      }
      SkinnyFp32.four(keys.data(), at, queries, 4L * s.width(), s.dim(), sums);
      for (int i = 0; i < SIDE; i++) {
        scratch.set(JAVA_FLOAT_UNALIGNED, to + 4L * ((long) i * s.row() + j), sums[i]);
      }
    }
  }

  private static void sums(
      Rows v, long skip, Sizes s, MemorySegment scratch, long weights, long sums) {
    for (int c = 0; c < s.dim(); c += 2 * LANES) {
      long at = v.at() + skip + 4L * c;
      for (int i = 0; i < Math.min(SIDE, s.queries()); i++) {
        long own = weights + 4L * i * s.row();
        long to = sums + 4L * (i * s.width() + c);
        Weighted.fp32(v.data(), at, v.stride(), v.count(), scratch, own, scratch, to, s.dim() - c);
      }
    }
  }
}
