package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.padded;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.nudge.kernel.Attend;
import dev.nudge.kernel.AttendOne;
import dev.nudge.kernel.AttendSweeps;
import dev.nudge.kernel.KeyValues;
import dev.nudge.tensor.Bf16;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Team;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Computes decode attention over ranges of 128 keys in parallel and merges them (flash-decoding).
///
/// A range has its own softmax: for each head the largest score m, the sum s of exponentials and
/// the weighted sum a of values. All heads are computed together, so that keys and values are read
/// sequentially. With M the largest m, a head's result is Σ exp(m − M)·a / Σ exp(m − M)·s.
///
/// Partial results are fp32, in the calling thread's scratch: for each query m and s of (heads,
/// ranges), then a of (ranges, heads). That is a megabyte, or what one query takes: at most 64
/// ranges, so 32 heads of 128 take another megabyte.
///
/// Ranges are counted from the beginning of the sequence, so no bit depends on KV blocks or
/// threads. A piece of work is a range and not a head: threads share a long context also where a
/// model has fewer key heads than threads.
record VectorAttendOne(AttendOne under, AttendSweeps sweeps) implements AttendOne.BySweeps {
  private static final AttendSweeps FP32 = new Fp32AttendSweeps();
  private static final int PART = 128;
  private static final int MOST = 64; // parts of a query
  private static final long NEAR = 1 << 20; // bytes of parts that are in memory together

  @Override
  public AttendOne with(AttendSweeps other) {
    return new VectorAttendOne(under, other);
  }

  @Override
  public void forward(
      Attend.Shape h,
      Tensor q,
      List<KeyValues> seen,
      @Nullable Tensor sinks,
      Tensor out,
      Team team) {
    Dtype dtype = q.dtype();
    if (dtype != Dtype.BF16 && dtype != Dtype.F32 || h.dim() % 2 != 0) {
      under.forward(h, q, seen, sinks, out, team);
      return;
    }
    boolean low = dtype == Dtype.BF16;
    AttendPart part = new AttendPart(h, low, low ? sweeps : FP32);
    int from = 0;
    while (from < q.rows()) {
      long bytes = 0;
      int to = from;
      while (to < q.rows() && (to == from || bytes + bytes(h, part, seen.get(to)) <= NEAR)) {
        bytes += bytes(h, part, seen.get(to++));
      }
      some(h, part, q.rows(from, to), seen.subList(from, to), sinks, out.rows(from, to), team);
      from = to;
    }
  }

  /// Attends for the queries whose partial results fit in memory together.
  private static void some(
      Attend.Shape h,
      AttendPart part,
      Tensor q,
      List<KeyValues> seen,
      @Nullable Tensor sinks,
      Tensor out,
      Team team) {
    int rows = q.rows();
    int[] parts = new int[rows + 1]; // before a query
    long[] places = new long[rows + 1];
    for (int r = 0; r < rows; r++) {
      parts[r + 1] = parts[r] + parts(h, seen.get(r));
      places[r + 1] = places[r] + bytes(h, part, seen.get(r));
    }
    MemorySegment all = Scratch.get().parts(places[rows]);
    team.each(
        parts[rows],
        i -> {
          int r = rowOf(parts, i);
          KeyValues kv = seen.get(r);
          int p = i - parts[r];
          int room = padded(parts[r + 1] - parts[r]);
          long place = places[r];
          long sums = place + 8L * h.count() * room + 4L * p * h.count() * part.width;
          int own = first(h, kv) + p;
          part.run(q.rows(r, r + 1), kv, own, length(kv), all, place + 4L * p, room, sums);
        });
    team.each(
        rows,
        r -> join(h, part, parts[r + 1] - parts[r], all, places[r], sinks, out.rows(r, r + 1)));
  }

  /// Keys of a range: more than 128 if there would be more than [#MOST] ranges.
  private static int length(KeyValues kv) {
    return PART * Math.ceilDiv(kv.rows(), PART * MOST);
  }

  /// The first range that the query sees.
  private static int first(Attend.Shape h, KeyValues kv) {
    return h.first(kv.rows() - 1) / length(kv);
  }

  private static int parts(Attend.Shape h, KeyValues kv) {
    return (kv.rows() - 1) / length(kv) - first(h, kv) + 1;
  }

  private static long bytes(Attend.Shape h, AttendPart part, KeyValues kv) {
    long parts = parts(h, kv);
    return 4L * h.count() * (2L * padded((int) parts) + parts * part.width);
  }

  private static int rowOf(int[] parts, int i) {
    int r = 0;
    while (parts[r + 1] <= i) {
      r++;
    }
    return r;
  }

  private static void join(
      Attend.Shape h,
      AttendPart part,
      int parts,
      MemorySegment all,
      long place,
      @Nullable Tensor sinks,
      Tensor out) {
    int room = padded(parts);
    long sums = place + 8L * h.count() * room;
    long next = 4L * h.count() * part.width;
    MemorySegment joined = Scratch.get().row(4L * part.width);
    for (int head = 0; head < h.count(); head++) {
      long most = place + 4L * head * room;
      for (int p = parts; p < room; p++) {
        all.set(JAVA_FLOAT_UNALIGNED, most + 4L * p, VectorSoftmaxRows.LEAST);
      }
      float max = VectorSoftmaxRows.largest(all, most, room);
      Exp.pass(all, most, all, most, room, 1, max);
      float sum = sinks == null ? 0 : (float) Math.exp(sinks.get(0, head) - max);
      for (int p = 0; p < parts; p++) {
        float powers = all.get(JAVA_FLOAT_UNALIGNED, most + 4L * (h.count() * room + p));
        sum = Math.fma(all.get(JAVA_FLOAT_UNALIGNED, most + 4L * p), powers, sum);
      }
      Weighted.joined(all, sums + 4L * head * part.width, next, parts, most, joined, part.width);
      store(joined, part.low, h.dim(), 1 / sum, out, head * h.dim());
    }
  }

  private static void store(
      MemorySegment sums, boolean low, int dim, float inverse, Tensor out, int col) {
    for (int c = 0; c < dim; c++) {
      float v = inverse * sums.get(JAVA_FLOAT_UNALIGNED, 4L * (low ? SkinnyBf16.place(c) : c));
      long at = col + c;
      if (low) {
        out.data().set(JAVA_SHORT_UNALIGNED, 2 * at, Bf16.round(v));
      } else {
        out.data().set(JAVA_FLOAT_UNALIGNED, 4 * at, v);
      }
    }
  }
}
