package dev.nudge.tensor.onednn;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Packed;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;

/// A matrix product with a known result, to verify that a library computes it right.
///
/// A is u·vᵀ and B is w·xᵀ, of u, v, w of ±1 and x of ±1 to ±3, so C is u·xᵀ times Σ v·w. The signs
/// are drawn so that the sum is at most 17: each result is an integer that bf16 represents, and
/// partial sums are exact in fp32, so C is compared to the bit. NaN fills the gaps between the rows
/// of A and B and after the last row: code that reads there gives NaN.
///
/// @param in type of the factors
/// @param out type of the result
/// @param batch matrices; 0: no batch dimension
/// @param gap numbers between the rows of each matrix
/// @param packed whether B is packed, if the library packs
record KnownProduct(
    Dtype in,
    Dtype out,
    int batch,
    int m,
    int k,
    int n,
    boolean aTransposed,
    boolean bTransposed,
    boolean add,
    boolean packed,
    int gap) {
  private static final int SEED = 11;
  private static final int BEHIND = 64; // numbers after the last row

  /// Tells whether the library computes the product right and writes nothing outside of C.
  boolean right(Gemm gemm) {
    Random random = new Random(SEED);
    int[] u = signs(random, m);
    int[] v = signs(random, k);
    int[] w = v.clone();
    int sum = balance(random, v, w);
    int[] x = signs(random, n);
    for (int j = 0; j < n; j++) {
      x[j] *= 1 + random.nextInt(3);
    }
    try (Scope scope = Scope.open("known products")) {
      Tensor a = outer(scope, in, u, v, aTransposed, Double.NaN);
      Tensor b = outer(scope, in, w, x, bTransposed, Double.NaN);
      Tensor c = outer(scope, out, u, x, false, 1);
      Tensor exact = outer(scope, out, scaled(u, add ? sum + 1 : sum), x, false, 1);
      if (packed) {
        Tensor room = scope.tensor(in, Packed.padded(k), Packed.padded(n));
        gemm.multiply(a, gemm.pack(b, room), c, add);
      } else {
        gemm.multiply(a, b, c, add);
      }
      return c.data().mismatch(exact.data()) == -1;
    }
  }

  private static int[] signs(Random random, int length) {
    return random.ints(length, 0, 2).map(i -> 2 * i - 1).toArray();
  }

  /// Flips signs of `w`, which starts as `v`, until Σ v·w is small; returns the sum.
  private static int balance(Random random, int[] v, int[] w) {
    int sum = w.length;
    for (int p = 0; p < w.length && sum > 17; p++) {
      if (random.nextInt(w.length - p) < (sum - 16) / 2 + 1) {
        w[p] = -v[p];
        sum -= 2;
      }
    }
    return sum;
  }

  private static int[] scaled(int[] numbers, int by) {
    int[] scaled = new int[numbers.length];
    for (int i = 0; i < numbers.length; i++) {
      scaled[i] = numbers[i] * by;
    }
    return scaled;
  }

  /// Fills a tensor with left·rightᵀ, and with `between` in the gaps. Equal rows are copied.
  private Tensor outer(
      Scope scope, Dtype dtype, int[] left, int[] right, boolean transposed, double between) {
    int[] rows = transposed ? right : left;
    int[] cols = transposed ? left : right;
    long width = cols.length + (long) gap;
    long matrix = rows.length * width;
    Tensor all = scope.tensor(dtype, Math.max(batch, 1) * matrix + BEHIND);
    Map<Integer, MemorySegment> written = new HashMap<>();
    for (long row = 0; row < (long) Math.max(batch, 1) * rows.length; row++) {
      int factor = rows[(int) (row % rows.length)];
      MemorySegment bytes = all.data().asSlice(row * width * dtype.bytes(), width * dtype.bytes());
      MemorySegment known = written.putIfAbsent(factor, bytes);
      if (known != null) {
        bytes.copyFrom(known);
        continue;
      }
      for (int j = 0; j < width; j++) {
        all.put(row * width + j, j < cols.length ? factor * cols[j] : between);
      }
    }
    for (long i = Math.max(batch, 1) * matrix; i < all.elements(); i++) {
      all.put(i, between);
    }
    long[] shape = {left.length, right.length};
    long[] strides = {transposed ? 1 : width, transposed ? width : 1};
    return batch == 0
        ? all.view(0, shape, strides)
        : all.view(
            0, new long[] {batch, shape[0], shape[1]}, new long[] {matrix, strides[0], strides[1]});
  }
}
