package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.LANES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.nudge.kernel.AttendSweeps;
import java.lang.foreign.MemorySegment;

/// The sweeps over bf16 keys and values.
///
/// If the head dimension is a multiple of 4·lanes, scores of four queries are summed 4·lanes
/// numbers at a time, and the partial scores are added. Else [SkinnyBf16] computes a score.
final class VectorAttendSweeps implements AttendSweeps {
  private static final int SIDE = VectorSkinnyProduct.SIDE;
  private static final int PAIRS = 2 * LANES;

  @Override
  public void scores(Rows keys, Rows next, Sizes s, MemorySegment scratch, long to) {
    for (int i = 0; i < s.heads() * s.queries(); i += Math.min(SIDE, s.queries())) {
      long skip = 2L * s.dim() * (i / s.queries());
      scores(keys, skip, s, scratch, 4L * s.width() * i, to + 4L * s.row() * i);
    }
  }

  @Override
  public void sums(Rows values, Rows next, Sizes s, MemorySegment scratch, long weights) {
    for (int i = 0; i < s.heads() * s.queries(); i += Math.min(SIDE, s.queries())) {
      long skip = 2L * s.dim() * (i / s.queries());
      sums(values, skip, s, scratch, weights + 4L * s.row() * i, 4L * s.width() * i);
    }
  }

  private static void scores(
      Rows keys, long skip, Sizes s, MemorySegment scratch, long q, long to) {
    long at = keys.at() + skip;
    if (s.queries() > 1 && AttendScores.takes(s.dim())) {
      for (int c = 0; c < s.dim(); c += AttendScores.COLUMNS) {
        AttendScores.four(
            keys.data(),
            at + 2L * c,
            keys.stride(),
            keys.count(),
            scratch,
            q + 4L * c,
            s.width(),
            scratch,
            to,
            s.row(),
            scratch.byteSize() - SPARE,
            c > 0);
      }
      return;
    }
    MemorySegment queries = scratch.asSlice(q);
    float[] sums = Scratch.get().sums;
    for (int j = 0; j < keys.count(); j++, at += keys.stride()) {
      if (s.queries() == 1) {
        float dot = SkinnyBf16.one(keys.data(), at, queries, s.dim());
        scratch.set(JAVA_FLOAT_UNALIGNED, to + 4L * j, dot);
        continue;
      }
      SkinnyBf16.four(keys.data(), at, queries, 4L * s.width(), s.dim(), sums);
      for (int i = 0; i < SIDE; i++) {
        scratch.set(JAVA_FLOAT_UNALIGNED, to + 4L * ((long) i * s.row() + j), sums[i]);
      }
    }
  }

  private static void sums(
      Rows v, long skip, Sizes s, MemorySegment scratch, long weights, long sums) {
    for (int c = 0; c < s.dim(); c += PAIRS) {
      long at = v.at() + skip + 2L * c;
      long to = sums + 4L * c;
      int left = s.dim() - c;
      if (s.queries() > 1) {
        Weighted.four(
            v.data(),
            at,
            v.stride(),
            v.count(),
            scratch,
            weights,
            s.row(),
            scratch,
            to,
            s.width(),
            left);
      } else {
        Weighted.bf16(v.data(), at, v.stride(), v.count(), scratch, weights, scratch, to, left);
      }
    }
  }
}
