package dev.nudge.kernel.code;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.nudge.kernel.Kernels;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.NativeAccess;
import dev.nudge.tensor.RankProducts;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Products of an adapter's rank in bf16 as machine code, on Linux x86-64 with AVX512-BF16: y plus
/// S·F for rank 16 ([FromRank]), and the gradients of both factors for ranks 16 and 32
/// ([RankGradient]).
///
/// They read x once, and y once in and once out. oneDNN copies both factors into layouts of its own
/// first, for gradients the large one.
public final class CodeRankProducts implements RankProducts {
  private static final int ADDED = 0; // kinds: S·F, + 1: to bf16, + 2: Fᵀ in memory
  private static final int GRADIENT_A = 4; // + 1: of rank 32
  private static final int GRADIENT_B = 6;

  private static final int SIDE = 16; // of a gradient's piece
  private static final int WIDEST = 1 << 14; // columns of y

  /// Numbers between rows that all lie in one set of the first-level cache, so that the second 16
  /// sums of rank 32 would fetch them again.
  private static final int ONE_SET = 2048;

  /// Rows that a gradient sums over at once; oneDNN may split longer sums.
  private static final int LONGEST = 384;

  private final @Nullable Codes codes;
  private final Arena arena = Arena.ofAuto();
  private final MemorySegment shape = arena.allocate(Shape.BYTES, 64);
  private MemorySegment room = arena.allocate(2L * LONGEST * 32, 64);

  /// Made by [java.util.ServiceLoader].
  public CodeRankProducts() {
    codes = Kernels.chosen() == Kernels.Choice.AUTO ? Codes.MADE : null;
  }

  /// The machine code, once a process.
  ///
  /// @param pack F in panels: as it is, and Fᵀ
  /// @param add by rows, then type: 8 and 1 rows to fp32, and to bf16
  /// @param pairs of rows, of rank 16 and 32
  /// @param gradient of A and of B, of rank 16 and 32 each
  private record Codes(List<Code> pack, List<Code> add, List<Code> pairs, List<Code> gradient) {
    /// Null if this machine does not run it.
    static final @Nullable Codes MADE = made();

    private static @Nullable Codes made() {
      if (!NativeAccess.given() || !Cpu.has("avx512f", "avx512vl", "avx512_bf16")) {
        return null;
      }
      List<Code> all = new ArrayList<>();
      for (byte[] bytes :
          List.of(
              FromRank.pack(false),
              FromRank.pack(true),
              FromRank.code(FromRank.ROWS, false),
              FromRank.code(1, false),
              FromRank.code(FromRank.ROWS, true),
              FromRank.code(1, true),
              RankGradient.pairs(16),
              RankGradient.pairs(32),
              RankGradient.code(16, false),
              RankGradient.code(32, false),
              RankGradient.code(16, true),
              RankGradient.code(32, true))) {
        Optional<Code> code = Code.of(bytes);
        if (code.isEmpty()) {
          return null;
        }
        all.add(code.get());
      }
      return new Codes(all.subList(0, 2), all.subList(2, 6), all.subList(6, 8), all.subList(8, 12));
    }
  }

  @Override
  public int kind(Tensor a, Tensor b, Tensor c, boolean add) {
    boolean candidate =
        add
            && a.dtype() == Dtype.BF16
            && b.dtype() == Dtype.BF16
            && (c.dtype() == Dtype.BF16 || c.dtype() == Dtype.F32)
            && c.rank() == 2
            && c.stride(1) == 1
            && a.data().isNative()
            && b.data().isNative()
            && c.data().isNative()
            && !c.data().isReadOnly();
    if (codes == null || !candidate) {
      return -1;
    }
    long k = a.shape(1);
    if (k == FromRank.RANK && whole(a)) {
      boolean across = whole(b.transposed());
      boolean taken = c.cols() % FromRank.COLUMNS == 0 && c.cols() <= WIDEST;
      return taken && (across || b.stride(1) == 1)
          ? ADDED + (across ? 2 : 0) + (c.dtype() == Dtype.BF16 ? 1 : 0)
          : -1;
    }
    if (c.dtype() != Dtype.F32 || k > LONGEST || k % 2 != 0 || a.stride(0) != 1) {
      return -1;
    }
    if (isRank(c.rows()) && whole(a.transposed()) && b.stride(1) == 1 && c.cols() % SIDE == 0) {
      boolean slow = c.rows() == 32 && b.stride(0) % ONE_SET == 0;
      return slow ? -1 : GRADIENT_A + c.rows() / 32;
    }
    boolean ofB = isRank(c.cols()) && whole(b) && whole(c) && c.rows() % SIDE == 0;
    return ofB ? GRADIENT_B + c.cols() / 32 : -1;
  }

  private static boolean isRank(long n) {
    return n == 16 || n == 32;
  }

  /// Whether a matrix lies row by row without gaps.
  private static boolean whole(Tensor t) {
    return t.stride(1) == 1 && t.stride(0) == t.shape(1);
  }

  @Override
  public void multiply(int kind, Tensor a, Tensor b, Tensor c) {
    if (codes == null) {
      throw new IllegalStateException("no machine code here");
    }
    try {
      if (kind < GRADIENT_A) {
        add(codes, kind, a, b, c);
      } else if (kind < GRADIENT_B) {
        gradient(codes, kind, a.transposed(), b, c, c.stride(0), 1);
      } else {
        gradient(codes, kind, b, a.transposed(), c, 1, c.stride(0));
      }
    } finally { // machine code has addresses only
      Reference.reachabilityFence(a);
      Reference.reachabilityFence(b);
      Reference.reachabilityFence(c);
      Reference.reachabilityFence(this);
    }
  }

  private void add(Codes code, int kind, Tensor s, Tensor f, Tensor y) {
    long bytes = 2L * FromRank.RANK * f.cols();
    if (room.byteSize() < bytes) {
      room = arena.allocate(bytes, 64);
    }
    strides(2 * f.stride(0), y.dtype().bytes() * y.stride(0));
    call(code.pack.get(kind / 2), f.data().address(), 0, room.address(), f.cols() / SIDE);
    for (int from = 0, rows; from < y.rows(); from += rows) {
      rows = y.rows() - from < FromRank.ROWS ? 1 : FromRank.ROWS;
      call(
          code.add.get(kind % 2 * 2 + (rows == 1 ? 1 : 0)),
          room.address(),
          s.data().address() + 2L * FromRank.RANK * from,
          y.data().address() + y.dtype().bytes() * y.stride(0) * from,
          y.cols() / FromRank.COLUMNS);
    }
  }

  /// @param s (rows, rank)
  /// @param x (rows, n)
  /// @param bySum stride of the gradient between columns of s
  /// @param byColumn stride between columns of x
  private void gradient(
      Codes code, int kind, Tensor s, Tensor x, Tensor gradient, long bySum, long byColumn) {
    long pairs = s.rows() / 2;
    call(code.pairs.get(kind % 2), s.data().address(), 0, room.address(), pairs);
    strides(4 * Math.max(bySum, byColumn), 2 * x.stride(0));
    for (long j = 0; j < x.cols(); j += SIDE) {
      for (long i = 0; i < s.cols(); i += SIDE) {
        call(
            code.gradient.get(kind - GRADIENT_A),
            room.address() + 4 * i,
            x.data().address() + 2 * j,
            gradient.data().address() + 4 * (i * bySum + j * byColumn),
            pairs);
      }
    }
  }

  private void call(Code code, long w, long x, long y, long times) {
    code.call(w, x, y, times, Transpose.PICKS, shape);
  }

  private void strides(long weight, long x) {
    shape.set(JAVA_LONG, Shape.WEIGHT_STRIDE, weight);
    shape.set(JAVA_LONG, Shape.X_STRIDE, x);
  }
}
