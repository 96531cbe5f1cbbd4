package dev.nudge.kernel.code;

import static dev.nudge.kernel.code.Assembler.EQUAL;
import static dev.nudge.kernel.code.Assembler.R10;
import static dev.nudge.kernel.code.Assembler.R8;
import static dev.nudge.kernel.code.Assembler.R9;
import static dev.nudge.kernel.code.Assembler.RAX;
import static dev.nudge.kernel.code.Assembler.RCX;
import static dev.nudge.kernel.code.Assembler.RDI;
import static dev.nudge.kernel.code.Assembler.RDX;
import static dev.nudge.kernel.code.Assembler.RSI;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.code.Assembler.Memory;
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

/// Computes low-rank adapter products in bf16 by machine code, on Linux x86-64 with AVX512-BF16: y
/// + S·F for rank 16 ([FromRank]), and the gradients of both factors for ranks 16 and 32
/// ([RankGradient]).
///
/// The code reads x once, and reads and writes y once. oneDNN first repacks both factors, or the
/// large factor for gradients.
public final class CodeRankProducts implements RankProducts {
  private static final int ADDED = 0; // kinds: S·F, + 1: to bf16, + 2: Fᵀ in memory
  private static final int GRADIENT_A = 4; // + 1: of rank 32
  private static final int GRADIENT_B = 6;

  private static final int SIDE = 16; // of a gradient's piece
  private static final int WIDEST = 1 << 14; // columns of y

  /// Row stride, in numbers, at which all rows share one L1 set, so that the second 16 sums of rank
  /// 32 would fetch the rows again.
  private static final int ONE_SET = 2048;

  /// Rows that a gradient sums over at once; oneDNN may split longer sums.
  private static final int LONGEST = 384;

  private final @Nullable Codes codes;
  private final Arena arena = Arena.ofAuto();
  private final MemorySegment shape = arena.allocate(Shape.BYTES, 64);
  private MemorySegment room = arena.allocate(2L * LONGEST * 32, 64);

  /// For [java.util.ServiceLoader].
  public CodeRankProducts() {
    codes = Kernels.chosen() == Kernels.Choice.AUTO ? Codes.MADE : null;
  }

  /// The machine code of a process.
  ///
  /// @param pack packs F, or Fᵀ, into panels
  /// @param add by type, then rows: fp32 by 8 and 1, bf16 by 8 and 1
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

  /// Returns whether a matrix is contiguous.
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
    } finally { // machine code sees addresses only
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

  /// Adds Sᵀ·x to 16 × 16 numbers of a gradient in fp32, or its transpose: sums over rows, which
  /// are
  /// paired on the way, so x (rows, columns) is read once and not copied.
  ///
  /// Arguments: rdi the pairs of S that [#pairs] made, at these 16 columns of S; rsi x at 16
  /// columns,
  /// rdx the gradient, rcx pairs of rows, r8 [Transpose#PICKS], r9 the [Shape].
  /// ```
  /// vpmovzxwd  z0 {k1}, [x]
  /// vpmovzxwd  z1 {k1}, [x + stride]
  /// vpslld     z1, z1, 16
  /// vpord      z0, z0, z1              a pair of rows, a dword a column
  /// vdpbf16ps  z2, z0, [S]{1to16}      for each of 16 columns of S, as oneDNN adds them
  /// …
  /// vaddps     z2, z2, [gradient]      at the end
  /// ```
  private static final class RankGradient {
    private static final int SIDE = 16;
    private static final int AHEAD = 6; // rows: an L1 set has twelve ways
    private static final int SUMS = 2; // first register of sums

    private RankGradient() {}

    /// @param rank columns of S
    /// @param across whether to add the transpose: the gradient is (columns of x, columns of S)
    static byte[] code(int rank, boolean across) {
      Assembler a = new Assembler();
      FromRank.all(a);
      a.mov(R10, Memory.at(R9, Shape.X_STRIDE));
      a.lea(RAX, new Memory(RSI, R10, 4, 0));
      a.lea(RAX, new Memory(RAX, R10, AHEAD - 4, 0));
      int[] sums = new int[SIDE];
      for (int i = 0; i < SIDE; i++) {
        sums[i] = SUMS + i;
        a.vpxord(sums[i], sums[i], sums[i]);
      }
      int next = a.here();
      FromRank.pair(a, 0, 1, Memory.at(RSI, 0), new Memory(RSI, R10, 1, 0));
      a.prefetcht0(Memory.at(RAX, 0));
      a.prefetcht0(new Memory(RAX, R10, 1, 0));
      for (int i = 0; i < SIDE; i++) {
        a.vdpbf16psBroadcast(sums[i], 0, Memory.at(RDI, 4 * i));
      }
      a.lea(RSI, new Memory(RSI, R10, 2, 0));
      a.lea(RAX, new Memory(RAX, R10, 2, 0));
      a.add(RDI, 4 * rank);
      a.sub(RCX, 1);
      a.jumpIf(EQUAL ^ 1, next);

      if (across) {
        Transpose.rows(a, sums, new int[] {0, 1}, R8);
      }
      int old = SUMS + SIDE; // free in any case
      a.mov(R10, Memory.at(R9, Shape.WEIGHT_STRIDE));
      for (int sum : sums) {
        a.vmovups(old, Memory.at(RDX, 0));
        a.vaddps(old, old, sum);
        a.vmovupsTo(Memory.at(RDX, 0), old);
        a.lea(RDX, new Memory(RDX, R10, 1, 0));
      }
      a.vzeroupper();
      a.ret();
      return a.bytes();
    }

    /// Pairs the rows of S, contiguous at rdi, into rdx; rcx pairs.
    static byte[] pairs(int rank) {
      Assembler a = new Assembler();
      FromRank.all(a);
      int next = a.here();
      for (int i = 0; i < rank; i += SIDE) {
        FromRank.pair(a, 0, 1, Memory.at(RDI, 2 * i), Memory.at(RDI, 2 * rank + 2 * i));
        a.vmovupsTo(Memory.at(RDX, 4 * i), 0);
      }
      a.add(RDI, 4 * rank);
      a.add(RDX, 4 * rank);
      FromRank.end(a, next);
      return a.bytes();
    }
  }
}
