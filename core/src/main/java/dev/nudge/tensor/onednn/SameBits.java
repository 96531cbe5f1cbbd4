package dev.nudge.tensor.onednn;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Packed;
import dev.nudge.tensor.RankProducts;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/// Takes products of an adapter's rank from [RankProducts], each kind only if it has oneDNN's bits
/// here: before its first use oneDNN and the other code compute two products of the kind, and all
/// numbers must be equal. So a kind that oneDNN computes on AMX, which adds in another order, stays
/// with oneDNN.
///
/// What is compared does not depend on the product that asks, so neither does the answer; it is
/// known once a process, until [Implementation#epoch] changes.
final class SameBits {
  private static final int[] SIZES = {64, 382}; // fixed in compiled code, and open
  private static final int COLUMNS = 96;
  private static final int SCALES = 8; // powers of two by which numbers differ

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
    try (Scope scope = Scope.open("compared products")) {
      SplittableRandom random = new SplittableRandom(kind);
      boolean sums = a.stride(1) != 1; // over rows: a gradient
      for (int size : SIZES) {
        boolean same =
            sums
                ? equal(kind, c, scope, random, a.shape(0), size, COLUMNS, true, false)
                    || equal(kind, c, scope, random, COLUMNS, size, c.shape(1), true, false)
                : equal(kind, c, scope, random, size, a.shape(1), COLUMNS, false, b.stride(1) != 1);
        if (!same) {
          return false;
        }
      }
      return true;
    } finally {
      comparing = false;
    }
  }

  /// Whether a product of these sizes and layouts is one of the kind and has equal bits.
  ///
  /// @param like has the result's type
  private boolean equal(
      int kind,
      Tensor like,
      Scope scope,
      SplittableRandom random,
      long m,
      long k,
      long n,
      boolean aAcross,
      boolean bAcross) {
    Tensor a = drawn(scope, random, Dtype.BF16, m, k, aAcross);
    Tensor b = drawn(scope, random, Dtype.BF16, k, n, bAcross);
    Tensor c = drawn(scope, random, like.dtype(), m, n, false);
    Tensor other = scope.tensor(like.dtype(), m, n);
    MemorySegment.copy(c.data(), 0, other.data(), 0, c.bytes());
    if (products.kind(a, b, other, true) != kind) {
      return false;
    }
    if (aAcross) {
      gemm.multiply(a, b, c, true);
    } else {
      gemm.multiply(a, Packed.plain(b), c, true);
    }
    products.multiply(kind, a, b, other);
    return c.data().mismatch(other.data()) == -1;
  }

  private static Tensor drawn(
      Scope scope, SplittableRandom random, Dtype dtype, long rows, long cols, boolean across) {
    Tensor t = across ? scope.tensor(dtype, cols, rows) : scope.tensor(dtype, rows, cols);
    for (long i = 0; i < t.elements(); i++) {
      t.put(i, Math.scalb(random.nextDouble() - 0.5, random.nextInt(SCALES)));
    }
    return across ? t.transposed() : t;
  }
}
