package dev.nudge.tensor;

/// Multiplies matrices: c = a·b or c += a·b.
///
/// The last two dimensions are the matrices; dimensions before them are a batch, where a size of 1
/// in `a` or `b` is repeated. One of the last two strides of each operand is 1, so a transposed
/// factor is a [Tensor#transposed] view and costs nothing. Factors are both F32, both BF16 or both
/// F64; the result is F32 or BF16 for BF16 factors (summed in fp32 in any case), else their type.
///
/// Threading: one thread uses a Gemm; a lane has its own, with its own stream and scratchpad.
public interface Gemm extends AutoCloseable {
  /// Computes c = a·b, or c += a·b if `add`. The bits of a row may depend on all sizes, because
  /// they decide where long sums are split.
  ///
  /// @throws IllegalArgumentException if shapes or types do not fit
  void multiply(Tensor a, Tensor b, Tensor c, boolean add);

  /// Computes the product of matrices, batch-invariant: a row's bits depend neither on the number
  /// of rows or columns nor on zeros at the end of a's row. Holds for k up to 384 with AVX-512;
  /// elsewhere the last digits may differ.
  default void multiplyBatchInvariant(Tensor a, Tensor b, Tensor c, boolean add) {
    multiply(a, b, c, add);
  }

  /// Returns whether [#pack] makes products enough faster to be worth its memory.
  default boolean packs() {
    return false;
  }

  /// Packs a right factor (k, n) into the layout in which products are fastest.
  ///
  /// @param room contiguous, the factor's type, at least [Packed#padded] of k times that of n
  /// @return the factor in `room`, or the plain factor if this provider has no packed layout
  default Packed pack(Tensor b, Tensor room) {
    return Packed.plain(b);
  }

  /// Computes c = a·b, or c += a·b if `add`, for matrices, a's rows in tiles: the bits of a row
  /// depend neither on the number of rows nor on whether `b` is packed. For weights: code is
  /// compiled for each shape of `b`.
  ///
  /// @throws IllegalArgumentException if shapes or types do not fit, or a row of a or c has gaps
  default void multiply(Tensor a, Packed b, Tensor c, boolean add) {
    multiply(a, b.factor(), c, add);
  }

  /// Splits products with weights, and packing, into pieces that a team computes, one thread per
  /// piece; no bit of a result depends on it. For a Gemm that was opened with one thread.
  ///
  /// @param team the caller closes it
  default void share(Team team) {}

  /// Returns the Gemm with which a thread of the team computes pieces of other operations.
  ///
  /// @param thread the calling thread's number in the team
  default Gemm of(int thread) {
    return this;
  }

  @Override
  void close();

  /// Returns the portable provider: any float types, sums in double. Slow; for tests and machines
  /// without native libraries.
  static Gemm plain() {
    return new PlainGemm();
  }

  /// Checks that `c` has the shape of a·b; batch dimensions of 1 in a factor are repeated.
  static void check(Tensor a, Tensor b, Tensor c) {
    int n = c.rank();
    boolean fits = a.rank() == n && b.rank() == n && n >= 2;
    for (int i = 0; fits && i < n - 2; i++) {
      fits =
          (a.shape(i) == c.shape(i) || a.shape(i) == 1)
              && (b.shape(i) == c.shape(i) || b.shape(i) == 1);
    }
    fits =
        fits
            && a.shape(n - 2) == c.shape(n - 2)
            && b.shape(n - 1) == c.shape(n - 1)
            && a.shape(n - 1) == b.shape(n - 2);
    if (!fits) {
      throw new IllegalArgumentException(a + " · " + b + " does not give " + c);
    }
  }
}
