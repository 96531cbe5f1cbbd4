package dev.nudge.tensor.onednn;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Packed;
import dev.nudge.tensor.RankProducts;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/// Computes products of an adapter's rank with [RankProducts], each kind only if its bits equal
/// oneDNN's here: before first use both compute two products of the kind, and all numbers must be
/// equal. So a kind that oneDNN computes on AMX, in another order of sums, should stay with oneDNN;
/// this was not tested on AMX.
///
/// The compared products have fixed sizes and numbers, so the answer depends on no caller's product
/// and needs little memory; it is cached in the process until [Implementation#epoch] changes. A
/// kind of ranks other than 16 and 32 stays with oneDNN.
final class SameBits {
  private static final int[] SIZES = {64, 382}; // fixed in compiled code, and open
  private static final int[] RANKS = {16, 32};
  private static final int COLUMNS = 96;
  private static final int SCALES = 8; // powers of two by which numbers differ
  private static final int TINY = 8; // one row in so many has only subnormals of bf16
  private static final int SUBNORMAL = -133; // the power of the smallest of them

  private static final @Nullable Boolean[] KNOWN = new Boolean[RankProducts.KINDS];
  private static int epoch; // of the known answers

  private final Gemm gemm;
  private final RankProducts products;
  private boolean comparing;

  SameBits(Gemm gemm, RankProducts products) {
    this.gemm = gemm;
    this.products = products;
  }

  /// Computes c += a·b if that has oneDNN's bits.
  ///
  /// @return whether it was computed
  boolean multiply(Tensor a, Tensor b, Tensor c, boolean add) {
    int kind = comparing ? -1 : products.kind(a, b, c, add);
    if (kind < 0 || !same(kind, a, b, c)) {
      return false;
    }
    products.multiply(kind, a, b, c);
    return true;
  }

  private boolean same(int kind, Tensor a, Tensor b, Tensor c) {
    synchronized (KNOWN) {
      if (epoch != Implementation.epoch()) {
        epoch = Implementation.epoch();
        Arrays.fill(KNOWN, null);
      }
      Boolean known = KNOWN[kind];
      if (known == null) {
        known = compare(kind, a, b, c);
        KNOWN[kind] = known;
      }
      return known;
    }
  }

  private boolean compare(int kind, Tensor a, Tensor b, Tensor c) {
    comparing = true;
    try {
      boolean sums = a.stride(1) != 1; // over rows: a gradient
      boolean across = b.stride(1) != 1;
      for (int size : SIZES) {
        Sizes sizes = sizes(kind, sums, across, size, c.dtype());
        if (sizes == null || !equal(kind, sizes)) {
          return false;
        }
      }
      return true;
    } finally {
      comparing = false;
    }
  }

  /// The sizes of a product of the kind; null if none is.
  private @Nullable Sizes sizes(int kind, boolean sums, boolean across, int size, Dtype result) {
    for (int rank : RANKS) {
      List<Sizes> both =
          sums
              ? List.of(
                  new Sizes(rank, size, COLUMNS, true, across, result),
                  new Sizes(COLUMNS, size, rank, true, across, result))
              : List.of(new Sizes(size, rank, COLUMNS, false, across, result));
      for (Sizes s : both) {
        if (s.kind(products) == kind) {
          return s;
        }
      }
    }
    return null;
  }

  /// Sizes and layouts of a product.
  ///
  /// @param aAcross whether a is a transposed view
  /// @param bAcross likewise of b
  /// @param result type
  private record Sizes(int m, int k, int n, boolean aAcross, boolean bAcross, Dtype result) {
    int kind(RankProducts products) {
      Tensor a = aAcross ? dry(k, m).transposed() : dry(m, k);
      Tensor b = bAcross ? dry(n, k).transposed() : dry(k, n);
      return products.kind(a, b, Tensor.dry(result, m, n), true);
    }

    private static Tensor dry(int rows, int cols) {
      return Tensor.dry(Dtype.BF16, rows, cols);
    }
  }

  /// Whether a product has equal bits.
  private boolean equal(int kind, Sizes s) {
    try (Scope scope = Scope.open("compared products")) {
      SplittableRandom random = new SplittableRandom(kind);
      Tensor a = drawn(scope, random, Dtype.BF16, s.m, s.k, s.aAcross);
      Tensor b = drawn(scope, random, Dtype.BF16, s.k, s.n, s.bAcross);
      Tensor c = drawn(scope, random, s.result, s.m, s.n, false);
      Tensor other = scope.tensor(s.result, s.m, s.n);
      MemorySegment.copy(c.data(), 0, other.data(), 0, c.bytes());
      if (s.aAcross) {
        gemm.multiply(a, b, c, true);
      } else {
        gemm.multiply(a, Packed.plain(b), c, true);
      }
      products.multiply(kind, a, b, other);
      return c.data().mismatch(other.data()) == -1;
    }
  }

  /// Random numbers, among them rows of subnormals: VDPBF16PS flushes them to zero, other
  /// instructions may not, and larger terms would hide this.
  private static Tensor drawn(
      Scope scope, SplittableRandom random, Dtype dtype, int rows, int cols, boolean across) {
    Tensor t =
        across ? scope.tensor(dtype, cols, rows).transposed() : scope.tensor(dtype, rows, cols);
    for (int r = 0; r < rows; r++) {
      for (int i = 0; i < cols; i++) {
        double v =
            r % TINY == TINY - 1
                ? Math.scalb((double) random.nextInt(-127, 128), SUBNORMAL)
                : Math.scalb(random.nextDouble() - 0.5, random.nextInt(SCALES));
        t.set(r, i, v);
      }
    }
    return t;
  }
}
