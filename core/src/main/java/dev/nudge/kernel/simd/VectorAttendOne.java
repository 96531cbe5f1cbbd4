package dev.nudge.kernel.simd;

import static dev.nudge.kernel.simd.Species.LANES;
import static dev.nudge.kernel.simd.Species.padded;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.nudge.kernel.Attend;
import dev.nudge.kernel.AttendOne;
import dev.nudge.kernel.AttendSweeps;
import dev.nudge.kernel.AttendSweeps.Rows;
import dev.nudge.kernel.AttendSweeps.Sizes;
import dev.nudge.kernel.KeyValues;
import dev.nudge.kernel.SoftCap;
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
/// ranges), then a of (ranges, heads). They take at most 1 MiB, or one query's size: at most 64
/// ranges, so about 1 MiB for 32 heads of 128.
///
/// Ranges are counted from the beginning of the sequence, so no bit depends on KV blocks or
/// threads. A piece of work is a range, not a head: threads share a long context even if a model
/// has fewer key heads than threads.
record VectorAttendOne(AttendOne under, AttendSweeps sweeps) implements AttendOne.BySweeps {
  private static final AttendSweeps FP32 = new Fp32AttendSweeps();
  private static final int PART = 128;
  private static final int MOST = 64; // parts of a query
  private static final long NEAR = 1 << 20; // bytes of parts in memory at once

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

  /// Attends for queries, whose partial results are in memory at once.
  private static void some(
      Attend.Shape h,
      AttendPart part,
      Tensor q,
      List<KeyValues> seen,
      @Nullable Tensor sinks,
      Tensor out,
      Team team) {
    int rows = q.rows();
    int[] parts = new int[rows + 1]; // before query r
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

  /// Returns a range's keys: over 128 if [#MOST] ranges were too few.
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

  /// Computes one query's attention over a range of keys, in three sweeps: scores, exponentials,
  /// weighted sum of the values.
  ///
  /// A sweep processes some kilobytes of keys or values at a time, for all key-value heads, four
  /// query heads at once; zeros pad smaller groups. With bf16 keys, queries and sums are in pairs,
  /// as in [VectorSkinnyProduct].
  private static final class AttendPart {
    private static final int SIDE = VectorSkinnyProduct.SIDE;
    private static final int PAIRS = 2 * LANES;
    private static final int LONGEST = 128; // keys read for all heads
    private static final int NEAR = 24576; // bytes of keys that are read for all heads

    private static final VectorSoftCap SOFT_CAP = new VectorSoftCap(new SoftCap.Plain());

    private final Attend.Shape h;
    private final AttendSweeps sweeps;
    private final int sides; // of a key-value head
    private final int step; // keys read for all heads

    final boolean low;

    /// Floats of a head's padded query, and of its weighted sum.
    final int width;

    /// @param low whether keys are in bfloat16, not in fp32
    /// @param sweeps over keys and values of that type
    AttendPart(Attend.Shape h, boolean low, AttendSweeps sweeps) {
      this.h = h;
      this.sweeps = sweeps;
      this.low = low;
      sides = h.group() == 1 ? 1 : Math.ceilDiv(h.group(), SIDE) * SIDE;
      width = Math.ceilDiv(h.dim(), PAIRS) * PAIRS;
      step = Math.clamp(NEAR / ((low ? 2 : 4) * h.keyWidth()) / 4 * 4, 4, LONGEST);
    }

    /// Attends to the keys of range `part` that the query sees.
    ///
    /// @param length keys of a range
    /// @param q (1, queryWidth)
    /// @param most byte offset of the heads' largest scores; the sums of exponentials follow
    /// @param room floats from head to head
    /// @param result byte offset of the weighted sums of values, (heads, width)
    void run(
        Tensor q,
        KeyValues kv,
        int part,
        int length,
        MemorySegment to,
        long most,
        int room,
        long result) {
      int from = Math.max(h.first(kv.rows() - 1), part * length);
      int n = Math.min(kv.rows(), (part + 1) * length) - from;
      int row = padded(n + AttendSweeps.BEHIND);
      int all = h.keyCount() * sides;
      Sizes sizes = new Sizes(h.keyCount(), h.dim(), sides, width, row);
      MemorySegment scratch = Scratch.get().wide(4L * all * (width + row) + AttendSweeps.SPARE);
      long scores = 4L * all * width;
      load(q, scratch);
      Rows firstValues = rows(kv.values(), from, 0, n);
      Rows keys = rows(kv.keys(), from, 0, n);
      for (int j = 0, end; j < n; j = end) {
        end = j + keys.count();
        Rows next = end < n ? rows(kv.keys(), from, end, n) : firstValues;
        sweeps.scores(keys, next, sizes, scratch, scores + 4L * j);
        keys = next;
      }
      powers(scratch, scores, n, row, to, most, room);
      scratch.asSlice(0, scores).fill((byte) 0); // sums overwrite the used queries
      Rows values = firstValues;
      for (int j = 0, end; j < n; j = end) {
        end = j + values.count();
        Rows next = end < n ? rows(kv.values(), from, end, n) : values;
        sweeps.sums(values, next, sizes, scratch, scores + 4L * j);
        values = next;
      }
      for (int head = 0; head < h.count(); head++) {
        MemorySegment.copy(
            scratch, 4L * width * place(head), to, result + 4L * width * head, 4L * width);
      }
    }

    /// The padded index of a query head.
    private int place(int head) {
      return head / h.group() * sides + head % h.group();
    }

    private void load(Tensor q, MemorySegment to) {
      if (h.group() < sides) {
        to.asSlice(0, 4L * h.keyCount() * sides * width).fill((byte) 0);
      }
      for (int head = 0; head < h.count(); head++) {
        VectorSkinnyProduct.arrange(
            q, (long) head * h.dim(), h.dim(), low, to, 4L * width * place(head));
      }
    }

    private Rows rows(List<Tensor> blocks, int from, int j, int n) {
      int size = blocks.getFirst().rows();
      int row = from + j;
      Tensor block = blocks.get(row / size);
      long stride = block.rowStride() * (low ? 2 : 4);
      int rows = Math.min(Math.min(n - j, size - row % size), step);
      return new Rows(block.data(), row % size * stride, stride, rows);
    }

    /// Turns the scores of each head into exponentials.
    private void powers(
        MemorySegment s, long scores, int n, int row, MemorySegment to, long most, int room) {
      if (h.softCap() != 0) {
        int all = h.keyCount() * sides;
        Tensor capped =
            Tensor.of(s.asSlice(scores, 4L * all * row), Dtype.F32, all, row).cols(0, n);
        SOFT_CAP.forward(capped, h.scale(), h.softCap());
      }
      double scale = h.softCap() == 0 ? h.scale() : 1;
      float high = (float) scale;
      float rest = (float) (scale - high);
      for (int head = 0; head < h.count(); head++) {
        long at = scores + 4L * row * place(head);
        for (int i = n; i < row; i++) {
          s.set(JAVA_FLOAT_UNALIGNED, at + 4L * i, VectorSoftmaxRows.LEAST);
        }
        float max = VectorSoftmaxRows.largest(s, at, row) * high;
        float sum = VectorSoftmaxRows.powers(s, at, s, at, row, high, rest, max);
        long place = most + 4L * head * room;
        to.set(JAVA_FLOAT_UNALIGNED, place, max);
        to.set(JAVA_FLOAT_UNALIGNED, place + 4L * h.count() * room, sum);
      }
    }
  }
}
