package dev.nudge.kernel.code;

import static dev.nudge.kernel.code.Assembler.EQUAL;
import static dev.nudge.kernel.code.Assembler.R10;
import static dev.nudge.kernel.code.Assembler.R11;
import static dev.nudge.kernel.code.Assembler.R8;
import static dev.nudge.kernel.code.Assembler.R9;
import static dev.nudge.kernel.code.Assembler.RAX;
import static dev.nudge.kernel.code.Assembler.RCX;
import static dev.nudge.kernel.code.Assembler.RDI;
import static dev.nudge.kernel.code.Assembler.RDX;
import static dev.nudge.kernel.code.Assembler.RSI;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.nudge.kernel.AttendSweeps;
import dev.nudge.kernel.code.Assembler.Memory;
import dev.nudge.kernel.code.Assembler.Zmm;
import dev.nudge.tensor.Dtype;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Machine-code sweeps of decode attention, bit-identical to the fallback: [KeyScores] for four
/// queries with a head dimension of 64·n, else [DotBf16]; [ValueSums].
///
/// All memory is sliced from its segments, which checks bounds before machine code runs.
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
  /// @param products of bf16, four weight rows by one row of x
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

  /// Returns whether the memory is native; throws if it is closed.
  private static boolean isNative(Rows rows, MemorySegment scratch) {
    if (!rows.data().scope().isAlive()) {
      throw new IllegalStateException("the memory of keys or values is closed");
    }
    return rows.data().isNative() && scratch.isNative();
  }

  /// Slices the rows, all heads.
  private static MemorySegment cut(Rows rows, Sizes s) {
    long width = 2L * s.heads() * s.dim();
    return rows.data().asSlice(rows.at(), (rows.count() - 1) * rows.stride() + width);
  }

  /// Returns the prefetch distance in bytes: from a head's rows to the next head's, or to the next
  /// rows' first head; 0 for a head's later queries.
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

  /// Computes scores by weight products.
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

  /// Adds bf16 values, weighted, to sums of one query or four: 64 columns, or up to 32 by a mask.
  ///
  /// Arguments: rdi the first value, rsi the weights of the first query, rdx its sums in pairs, rcx
  /// values (at least one), r9 the [Shape]: from value to value, from weights to weights, from sums
  /// to sums, from a value to the prefetched one, [Shape#LANES] of the mask. A round, of one value
  /// and 32 columns:
  /// ```
  /// vmovdqu32 z0 {k1} {z}, [v]         16 dwords of two numbers; without a mask the next ones read
  /// vpandd    z1, z31, z0              the odd ones as floats; z31 is ffff0000 in each lane
  /// vpslld    z0, z0, 16               the even ones
  /// prefetcht0 [v + ahead]
  /// vpbroadcastd z24, [w]              for each query
  /// vfmadd231ps z8, z0, z24
  /// vfmadd231ps z9, z1, z24
  /// ```
  private static final class ValueSums {
    private static final int SUMS = 8; // first registers
    private static final int WEIGHTS = 24;
    private static final int UPPER = 31;
    private static final int MASK = 1; // mask register

    private ValueSums() {}

    /// @param queries 1 or 4
    /// @param whole whether there are 64 columns, not up to 32
    static byte[] code(int queries, boolean whole) {
      Assembler a = new Assembler();
      int vectors = whole ? 2 : 1;
      a.movConstant(RAX, 0xffff0000);
      a.vpbroadcastd(UPPER, RAX);
      if (!whole) {
        a.mov(RAX, Memory.at(R9, Shape.LANES));
        a.kmovw(MASK, RAX);
      }
      a.mov(R10, Memory.at(R9, Shape.WEIGHT_STRIDE));
      a.mov(R11, Memory.at(R9, Shape.X_STRIDE));
      a.lea(RAX, new Memory(R11, R11, 2, 0));
      a.mov(R8, Memory.at(R9, Shape.SCALE_STRIDE));
      a.push(R9);
      a.mov(R9, RDX);
      for (int q = 0; q < queries; q++) {
        for (int i = 0; i < 2 * vectors; i++) {
          a.vmovups(SUMS + 4 * q + i, Memory.at(R9, 64 * i));
        }
        a.lea(R9, new Memory(R9, R8, 1, 0));
      }
      a.pop(R9);
      a.mov(R9, Memory.at(R9, Shape.AHEAD));
      a.lea(R9, new Memory(R9, RDI, 1, 0));

      int next = a.here();
      for (int v = 0; v < vectors; v++) {
        Memory value = Memory.at(RDI, 64 * v);
        if (whole) {
          a.vpslld(2 * v, value, 16);
          a.vpandd(2 * v + 1, UPPER, value);
        } else {
          a.vmovdqu32(0, value, MASK);
          a.vpandd(1, UPPER, new Zmm(0));
          a.vpslld(0, new Zmm(0), 16);
        }
        a.prefetcht0(Memory.at(R9, 64 * v));
      }
      for (int q = 0; q < queries; q++) {
        a.vpbroadcastd(WEIGHTS + q, weight(q));
        for (int i = 0; i < 2 * vectors; i++) {
          a.vfmadd231ps(SUMS + 4 * q + i, i, new Zmm(WEIGHTS + q));
        }
      }
      a.lea(RDI, new Memory(RDI, R10, 1, 0));
      a.lea(R9, new Memory(R9, R10, 1, 0));
      a.add(RSI, 4);
      a.sub(RCX, 1);
      a.jumpIf(EQUAL ^ 1, next);

      for (int q = 0; q < queries; q++) {
        for (int i = 0; i < 2 * vectors; i++) {
          a.vmovupsTo(Memory.at(RDX, 64 * i), SUMS + 4 * q + i);
        }
        a.lea(RDX, new Memory(RDX, R8, 1, 0));
      }
      a.vzeroupper();
      a.ret();
      return a.bytes();
    }

    private static Memory weight(int query) {
      return switch (query) {
        case 0 -> Memory.at(RSI, 0);
        case 1 -> new Memory(RSI, R11, 1, 0);
        case 2 -> new Memory(RSI, R11, 2, 0);
        default -> new Memory(RSI, RAX, 1, 0);
      };
    }
  }
}
