package dev.nudge.kernel.code;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.nudge.kernel.AttendSweeps;
import dev.nudge.tensor.Dtype;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Sweeps of decode attention by machine code, with the bits of those beneath: [KeyScores] for four
/// queries of a multiple of 64 numbers, else [DotBf16]; [ValueSums].
///
/// All memory is cut out of its segments, so that bounds are checked before machine code runs.
final class CodeAttendSweeps implements AttendSweeps {
  private static final int SIDE = KeyScores.QUERIES; // at most, at once
  private static final int PAIRS = 32;

  private final AttendSweeps under;
  private final Kernel products;
  private final StoreSums store;
  private final List<Code> scores; // written, added
  private final List<Code> sums; // for one query and four, of up to 32 columns and of 64

  private CodeAttendSweeps(
      AttendSweeps under, Kernel products, StoreSums store, List<Code> scores, List<Code> sums) {
    this.under = under;
    this.products = products;
    this.store = store;
    this.scores = scores;
    this.sums = sums;
  }

  /// Empty if this process may have no executable memory.
  ///
  /// @param products of bf16 rows, four at once beside one row of x
  static Optional<AttendSweeps> of(
      AttendSweeps under, Kernel products, StoreSums store, Code.Memory memory) {
    List<Code> made = new ArrayList<>();
    for (byte[] bytes :
        List.of(
            KeyScores.code(false),
            KeyScores.code(true),
            ValueSums.code(1, false),
            ValueSums.code(1, true),
            ValueSums.code(4, false),
            ValueSums.code(4, true))) {
      Optional<Code> code = memory.of(bytes);
      if (code.isEmpty()) {
        return Optional.empty();
      }
      made.add(code.get());
    }
    return Optional.of(
        new CodeAttendSweeps(under, products, store, made.subList(0, 2), made.subList(2, 6)));
  }

  /// Whether machine code may read the rows: closed memory is refused here.
  private static boolean isNative(Rows rows, MemorySegment scratch) {
    if (!rows.data().scope().isAlive()) {
      throw new IllegalStateException("the memory of keys or values is closed");
    }
    return rows.data().isNative() && scratch.isNative();
  }

  /// All heads' numbers of some rows.
  private static MemorySegment cut(Rows rows, Sizes s) {
    long width = 2L * s.heads() * s.dim();
    return rows.data().asSlice(rows.at(), (rows.count() - 1) * rows.stride() + width);
  }

  /// Bytes from a head's rows to those of the next head, or of the next rows' first one; 0 from
  /// queries that read what others of the head have read.
  private static long ahead(Rows rows, Rows next, Sizes s, int query) {
    int head = query / s.queries();
    if (query % s.queries() > 0) {
      return 0;
    }
    if (head + 1 < s.heads()) {
      return 2L * s.dim();
    }
    long here = rows.data().address() + rows.at() + 2L * head * s.dim();
    return next.data().address() + next.at() - here;
  }

  @Override
  public void scores(Rows keys, Rows next, Sizes s, MemorySegment scratch, long to) {
    if (!isNative(keys, scratch)) {
      under.scores(keys, next, s, scratch, to);
      return;
    }
    int all = s.heads() * s.queries();
    MemorySegment k = cut(keys, s);
    MemorySegment x = scratch.asSlice(0, 4L * all * s.width());
    MemorySegment y =
        scratch.asSlice(to, 4L * ((all - 1) * (long) s.row() + keys.count() + BEHIND));
    if (s.queries() > 1 && s.dim() % KeyScores.COLUMNS == 0) {
      scores(keys, next, s, k.address(), x.address(), y.address());
    } else {
      products(keys, s, k, x, y);
    }
    Reference.reachabilityFence(keys);
    Reference.reachabilityFence(scratch);
  }

  private void scores(Rows keys, Rows next, Sizes s, long k, long x, long y) {
    MemorySegment shape = Scratch.get().shape;
    Shape.set(shape, keys.stride(), 4L * s.width(), 4L * s.row(), 0);
    for (int i = 0; i < s.heads() * s.queries(); i += SIDE) {
      shape.set(JAVA_LONG, Shape.AHEAD, ahead(keys, next, s, i));
      for (int c = 0; c < s.dim(); c += KeyScores.COLUMNS) {
        long head = k + 2L * (s.dim() * (i / s.queries()) + c);
        long q = x + 4L * (s.width() * i + c);
        scores.get(c == 0 ? 0 : 1).call(head, q, y + 4L * s.row() * i, keys.count(), shape, shape);
      }
    }
  }

  /// Products as those of a weight's rows.
  private void products(Rows keys, Sizes s, MemorySegment k, MemorySegment x, MemorySegment y) {
    Scratch own = Scratch.get();
    Shape.set(own.shape, keys.stride(), 4L * s.width(), 0, s.dim() / PAIRS);
    Shape.rest(own.shape, false, s.dim() % PAIRS / 2);
    int n = keys.count();
    int side = Math.min(SIDE, s.queries());
    int whole = n / products.group(side) * products.group(side);
    for (int i = 0; i < s.heads() * s.queries(); i += side) {
      long head = k.address() + 2L * s.dim() * (i / s.queries());
      long q = x.address() + 4L * s.width() * i;
      MemorySegment to = y.asSlice(4L * s.row() * i);
      MemorySegment sums = side == 1 ? to : own.sums(4L * n * side + StoreSums.SLACK);
      if (whole > 0) {
        products.many(side).call(head, q, sums.address(), whole, own.shape, own.shape);
      }
      if (whole < n) {
        long rest = head + whole * keys.stride();
        long results = sums.address() + 4L * whole * side;
        products.one(side).call(rest, q, results, n - whole, own.shape, own.shape);
      }
      for (int j = 0; j < side && side > 1; j++) {
        MemorySegment row = to.asSlice(4L * j * s.row(), 4L * n);
        store.store(sums.asSlice(4L * j), side, row, n, Dtype.F32, false, own.shape);
      }
    }
  }

  @Override
  public void sums(Rows values, Rows next, Sizes s, MemorySegment scratch, long weights) {
    if (!isNative(values, scratch)) {
      under.sums(values, next, s, scratch, weights);
      return;
    }
    int all = s.heads() * s.queries();
    int side = Math.min(SIDE, s.queries());
    long v = cut(values, s).address();
    long w = scratch.asSlice(weights, 4L * ((all - 1) * (long) s.row() + values.count())).address();
    long y = scratch.asSlice(0, 4L * all * s.width()).address();
    MemorySegment shape = Scratch.get().shape;
    Shape.set(shape, values.stride(), 4L * s.row(), 4L * s.width(), 0);
    for (int i = 0; i < all; i += side) {
      shape.set(JAVA_LONG, Shape.AHEAD, ahead(values, next, s, i));
      for (int c = 0, n; c < s.dim(); c += n) {
        boolean whole = s.dim() - c >= 2 * PAIRS;
        n = whole ? 2 * PAIRS : PAIRS;
        shape.set(JAVA_LONG, Shape.LANES, (1L << Math.min(PAIRS, s.dim() - c) / 2) - 1);
        sums.get((side > 1 ? 2 : 0) + (whole ? 1 : 0))
            .call(
                v + 2L * (s.dim() * (i / s.queries()) + c),
                w + 4L * s.row() * i,
                y + 4L * (s.width() * i + c),
                values.count(),
                shape,
                shape);
      }
    }
    Reference.reachabilityFence(values);
    Reference.reachabilityFence(scratch);
  }
}
