package dev.nudge.kernel.code;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.nudge.kernel.DynamicMap;
import dev.nudge.kernel.Mxfp4;
import dev.nudge.kernel.Nf4;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.Objects;
import java.util.Optional;
import java.util.function.IntToDoubleFunction;
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;

/// Multiplies few rows by machine code: up to four weight rows by one row of x, or two by four.
///
/// The fallback kernels arrange rows of x in vectors of sixteen lanes; each result is bit-identical
/// to theirs. The weight is processed in parts that stay in L2 for all rows of x, and each part is
/// a slice of its memory segment, which checks bounds before machine code runs.
final class CodeSkinnyProduct implements SkinnyProduct {
  private static final int LANES = 16;
  private static final int PAIRS = 2 * LANES;
  private static final long PART = 256 << 10; // bytes of a weight
  private static final int NARROW = 256; // bytes of a weight row
  private static final MemorySegment LEVELS = levels(DynamicMap.SIGNED::value);
  private static final MemorySegment HALVES = levels(Mxfp4::half);
  private static final MemorySegment ONE = levels(i -> 1);

  private final SkinnyProduct under;
  private final Kernel bf16;
  private final Kernel narrow;
  private final Kernel fp32;
  private final Kernel nf4;
  private final Code scales;
  private final GroupedKernels grouped;
  private final StoreSums store;
  private final BlockKernels blocks;

  /// The machine code for grouped codes.
  ///
  /// @param whole for groups of whole blocks
  /// @param small for groups of half a block
  /// @param powers for MXFP4
  /// @param halves decodes its powers
  record GroupedKernels(Kernel whole, Kernel small, GroupPairs pairs, Kernel powers, Code halves) {
    /// Empty if this process may have no executable memory.
    static Optional<GroupedKernels> of(Code.Memory memory) {
      Optional<Kernel> whole =
          Kernel.of((group, rows) -> DotGrouped.code(false, group, rows), 4, memory);
      Optional<Kernel> small =
          Kernel.of((group, rows) -> DotGrouped.code(true, group, rows), 4, memory);
      Optional<GroupPairs> pairs = GroupPairs.of(memory);
      Optional<Kernel> powers = Kernel.of(DotGrouped::powers, 4, memory);
      Optional<Code> halves = memory.of(NestedScales.powers());
      if (whole.isEmpty()
          || small.isEmpty()
          || pairs.isEmpty()
          || powers.isEmpty()
          || halves.isEmpty()) {
        return Optional.empty();
      }
      return Optional.of(
          new GroupedKernels(whole.get(), small.get(), pairs.get(), powers.get(), halves.get()));
    }
  }

  CodeSkinnyProduct(
      SkinnyProduct under,
      Kernel bf16,
      Kernel narrow,
      Kernel fp32,
      Kernel nf4,
      Code scales,
      GroupedKernels grouped,
      StoreSums store,
      BlockKernels blocks) {
    this.under = under;
    this.bf16 = bf16;
    this.narrow = narrow;
    this.fp32 = fp32;
    this.nf4 = nf4;
    this.scales = scales;
    this.grouped = grouped;
    this.store = store;
    this.blocks = blocks;
  }

  private static MemorySegment levels(IntToDoubleFunction ofByte) {
    MemorySegment levels = Arena.global().allocate(4L * DynamicMap.CODES, 64);
    for (int i = 0; i < DynamicMap.CODES; i++) {
      levels.setAtIndex(JAVA_FLOAT, i, (float) ofByte.applyAsDouble(i));
    }
    return levels;
  }

  @Override
  public boolean takes(Weight w, Dtype compute) {
    return under.takes(w, compute);
  }

  @Override
  public boolean alike(Weight one, Weight other) {
    return under.alike(one, other);
  }

  @Override
  public Tensor room(Tensor x, Weight w, Workspace ws) {
    return under.room(x, w, ws);
  }

  @Override
  public void arrange(Tensor x, Weight w, Tensor to) {
    under.arrange(x, w, to);
  }

  @Override
  public Tensor some(Tensor arranged, int from, int to) {
    return under.some(arranged, from, to);
  }

  @Override
  public void multiply(Tensor x, Weight w, Dtype compute, int from, int to, Tensor y, boolean add) {
    if (from >= to || !fits(x, w, y) || !takes(w, compute)) {
      under.multiply(x, w, compute, from, to, y, add);
      return;
    }
    alive(x);
    alive(y);
    Kernel made = null;
    if (w instanceof ByRow r) {
      alive(blocks(r).data());
      made = kernel(r, compute);
      if (made == null) {
        under.multiply(x, w, compute, from, to, y, add);
        return;
      }
    }
    switch (w) {
      case Dense d -> {
        alive(d.matrix());
        dense(x, d.matrix(), from, to, y, add);
      }
      case Quantized q -> {
        alive(q.packed());
        alive(q.scales().absmax());
        if (q.scales().codes() != null) {
          alive(q.scales().codes());
        }
        quantized(x, q, compute, from, to, y, add);
      }
      case ByRow r -> rows(Objects.requireNonNull(made), x, r, from, to, y, add);
      case Grouped g -> {
        alive(g.codes());
        alive(g.scales());
        alive(g.zeros());
        grouped(x, g, compute, from, to, y, add);
      }
      case Powers p -> {
        alive(p.codes());
        alive(p.powers());
        powers(x, p, from, to, y, add);
      }
    }
    Reference.reachabilityFence(x);
    Reference.reachabilityFence(y);
    Reference.reachabilityFence(w);
  }

  private static boolean isNative(Powers p) {
    return p.codes().data().isNative()
        && p.codes().rowStride() == p.codes().cols()
        && p.powers().data().isNative()
        && p.powers().rowStride() == p.powers().cols();
  }

  private static boolean isNative(Scales s) {
    Tensor codes = s.codes();
    return s.absmax().data().isNative() && (codes == null || codes.data().isNative());
  }

  private static void alive(Tensor tensor) {
    if (!tensor.data().scope().isAlive()) {
      throw new IllegalStateException("the memory of " + tensor + " is closed");
    }
  }

  /// Returns whether machine code supports the layout of x and w and the type of y.
  private static boolean fits(Tensor x, Weight w, Tensor y) {
    return x.dtype() == Dtype.F32
        && x.cols() == (w.cols() + PAIRS - 1) / PAIRS * PAIRS
        && x.rowStride() == x.cols()
        && x.data().isNative()
        && y.rows() <= x.rows()
        && (y.dtype() == Dtype.F32 || y.dtype() == Dtype.BF16)
        && y.stride(1) == 1
        && y.data().isNative()
        && !y.data().isReadOnly()
        && switch (w) {
          case Dense d -> d.matrix().data().isNative() && d.matrix().rowStride() >= 0;
          case Quantized q -> q.cols() > 0 && q.packed().data().isNative() && isNative(q.scales());
          case ByRow r -> BlockKernels.type(r) != null && blocks(r).data().data().isNative();
          case Powers p -> p.cols() > 0 && isNative(p);
          case Grouped g -> DotGrouped.takes(g);
        };
  }

  private void dense(Tensor x, Tensor w, int from, int to, Tensor y, boolean add) {
    boolean low = w.dtype() == Dtype.BF16;
    int size = low ? 2 : 4;
    int cols = w.cols();
    long stride = size * w.rowStride();
    Scratch s = Scratch.get();
    Shape.set(s.shape, stride, 4L * x.cols(), 0, cols / PAIRS);
    int rest = cols % PAIRS;
    if (low) {
      Shape.rest(s.shape, false, rest / 2);
    } else {
      Shape.rest(s.shape, rest >= LANES, rest % LANES);
    }
    Kernel kernel = !low ? fp32 : size * cols > NARROW ? bf16 : narrow;
    int part = part((long) size * cols);
    for (int o = from; o < to; o += part) {
      int n = Math.min(part, to - o);
      MemorySegment rows = w.data().asSlice(o * stride, (n - 1) * stride + (long) size * cols);
      multiply(kernel, rows, x, n, MemorySegment.NULL, 0, s, y, o, add);
    }
  }

  private void quantized(
      Tensor x, Quantized q, Dtype compute, int from, int to, Tensor y, boolean add) {
    int blocks = q.cols() / Nf4.BLOCK;
    long stride = q.cols() / 2;
    Scratch s = Scratch.get();
    Shape.set(s.shape, stride, 4L * x.cols(), 4L * blocks, blocks);
    Shape.nf4(s.shape, compute == Dtype.BF16 ? 65537 : 1);
    int part = part(stride);
    for (int o = from; o < to; o += part) {
      int n = Math.min(part, to - o);
      MemorySegment rows = q.packed().data().asSlice(o * stride, n * stride);
      MemorySegment decoded = scales(q.scales(), o * blocks, n * blocks, s);
      multiply(nf4, rows, x, n, decoded, 4L * blocks, s, y, o, add);
    }
  }

  private void grouped(
      Tensor x, Grouped g, Dtype compute, int from, int to, Tensor y, boolean add) {
    int groups = g.scales().cols();
    long stride = g.codes().rowStride();
    long pairs = (long) GroupPairs.BYTES * groups;
    Scratch s = Scratch.get();
    Shape.set(s.shape, stride, 4L * x.cols(), pairs, DotGrouped.rounds(g));
    Shape.grouped(s.shape, DotGrouped.blocks(g), compute == Dtype.BF16 ? 65537 : 1);
    Kernel kernel = DotGrouped.isSmall(g) ? grouped.small : grouped.whole;
    int part = part(stride);
    for (int o = from; o < to; o += part) {
      int n = Math.min(part, to - o);
      MemorySegment rows = g.codes().data().asSlice(o * stride, n * stride);
      MemorySegment scales = s.scales(pairs * n);
      grouped.pairs.write(g, (long) o * groups, n * groups, scales, s.shape);
      multiply(kernel, rows, x, n, scales, pairs, s, y, o, add);
    }
  }

  private void powers(Tensor x, Powers p, int from, int to, Tensor y, boolean add) {
    int blocks = p.powers().cols();
    long stride = p.codes().cols();
    Scratch s = Scratch.get();
    Shape.set(s.shape, stride, 4L * x.cols(), 4L * blocks, blocks);
    Shape.mxfp4(s.shape);
    int part = part(stride);
    for (int o = from; o < to; o += part) {
      int n = Math.min(part, to - o);
      MemorySegment rows = p.codes().data().asSlice(o * stride, n * stride);
      MemorySegment powers = p.powers().data().asSlice((long) o * blocks, (long) n * blocks);
      MemorySegment halves = s.scales(4L * n * blocks);
      decode(grouped.halves, powers, HALVES, ONE, 0, halves, s.shape);
      multiply(grouped.powers, rows, x, n, halves, 4L * blocks, s, y, o, add);
    }
  }

  private static Blocks blocks(ByRow w) {
    return Objects.requireNonNull(w.blocks());
  }

  /// Returns the machine code for blocks; null: use the fallback kernels.
  @Nullable Kernel kernel(ByRow w, Dtype compute) {
    return blocks
        .of(w, compute, (kernel, x, to, y) -> rows(kernel, x, w, 0, to, y, false))
        .orElse(null);
  }

  /// Multiplies rows of blocks, equally spaced rows at once.
  private void rows(Kernel kernel, Tensor x, ByRow w, int from, int to, Tensor y, boolean add) {
    DotBlocks.Type type = Objects.requireNonNull(BlockKernels.type(w));
    Tensor data = blocks(w).data();
    IntUnaryOperator place = blocks(w).place();
    long bytes = data.cols();
    int part = part(bytes);
    Scratch s = Scratch.get();
    for (int o = from, n; o < to; o += n) {
      int first = place.applyAsInt(o);
      n = 1;
      int step = o + 1 < to ? place.applyAsInt(o + 1) - first : 1;
      while (step > 0 && n < part && o + n < to && place.applyAsInt(o + n) == first + n * step) {
        n++;
      }
      long stride = Math.max(1, step) * bytes;
      Shape.set(s.shape, stride, 4L * x.cols(), 0, w.cols() / type.numbers);
      MemorySegment rows = data.data().asSlice(first * bytes, (n - 1) * stride + bytes);
      multiply(kernel, rows, x, n, s.table, 0, s, y, o, add);
    }
  }

  /// Returns the weight rows of a part, a multiple of four.
  private static int part(long rowBytes) {
    return Math.clamp(PART / Math.max(1, rowBytes), 4, 1 << 14) & -4;
  }

  /// Returns blocks' fp32 scales.
  private MemorySegment scales(Scales s, int first, int n, Scratch scratch) {
    MemorySegment absmax = s.absmax().data();
    Tensor codes = s.codes();
    if (codes == null) {
      return absmax.asSlice(4L * first, 4L * n);
    }
    MemorySegment to = scratch.scales(4L * n);
    for (int at = 0, m; at < n; at += m) {
      int block = first + at;
      m = Math.min(n - at, Scales.NESTED - block % Scales.NESTED);
      MemorySegment largest = absmax.asSlice(4L * (block / Scales.NESTED), 4);
      MemorySegment some = codes.data().asSlice(block, m);
      decode(scales, some, LEVELS, largest, s.offset(), to.asSlice(4L * at, 4L * m), scratch.shape);
    }
    return to;
  }

  /// Computes level(code)·factor + offset.
  private static void decode(
      Code code,
      MemorySegment codes,
      MemorySegment levels,
      MemorySegment factor,
      float offset,
      MemorySegment to,
      MemorySegment shape) {
    shape.set(JAVA_FLOAT, Shape.OFFSET, offset);
    int n = (int) codes.byteSize();
    int whole = n / NestedScales.ROUND * NestedScales.ROUND;
    if (whole > 0) {
      code.call(codes, levels, to, whole / NestedScales.ROUND, factor, shape);
    }
    float absolute = factor.get(JAVA_FLOAT_UNALIGNED, 0);
    for (int i = whole; i < n; i++) {
      float level = levels.get(JAVA_FLOAT, 4L * (codes.get(JAVA_BYTE, i) & 0xff));
      to.set(JAVA_FLOAT, 4L * i, level * absolute + offset);
    }
  }

  /// Multiplies `n` weight rows by all rows of x.
  private void multiply(
      Kernel kernel,
      MemorySegment w,
      Tensor x,
      int n,
      MemorySegment scales,
      long scaleStride,
      Scratch s,
      Tensor y,
      int first,
      boolean add) {
    long stride = s.shape.get(JAVA_LONG, Shape.WEIGHT_STRIDE);
    MemorySegment sums = s.sums(4L * n * Kernel.MOST + StoreSums.SLACK);
    int left = y.rows();
    for (int r = 0; left > 0; ) {
      int rows = Kernel.rows(left);
      MemorySegment some = x.data().asSlice(4L * r * x.cols(), 4L * rows * x.cols());
      int whole = n / kernel.group(rows) * kernel.group(rows);
      if (whole > 0) {
        kernel.many(rows).call(w, some, sums, whole, scales, s.shape);
      }
      if (whole < n) {
        kernel
            .one(rows)
            .call(
                w.asSlice(whole * stride),
                some,
                sums.asSlice(4L * whole * rows),
                n - whole,
                scaleStride == 0 ? scales : scales.asSlice(whole * scaleStride),
                s.shape);
      }
      for (int i = 0; i < rows; i++) {
        long at = (r + i) * y.rowStride() + first;
        int size = y.dtype().bytes();
        MemorySegment to = y.data().asSlice(size * at, (long) size * n);
        store.store(sums.asSlice(4L * i), rows, to, n, y.dtype(), add, s.shape);
      }
      r += rows;
      left -= rows;
    }
  }
}
