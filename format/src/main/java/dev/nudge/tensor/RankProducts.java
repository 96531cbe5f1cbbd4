package dev.nudge.tensor;

import java.util.Optional;
import java.util.ServiceLoader;

/// Computes products with an adapter's rank as one size, by code that a [Gemm] may use in place of
/// its library's; found by [ServiceLoader].
///
/// A Gemm uses a kind only after it has compared its products bit for bit with the library's, so no
/// result depends on whether this code exists.
///
/// Threading: confined to one thread, as a [Gemm].
public interface RankProducts {
  /// One more than the largest kind.
  int KINDS = 16;

  /// Returns the kind of c += a·b; negative if unsupported. All products of a kind add their terms
  /// in the same order.
  int kind(Tensor a, Tensor b, Tensor c, boolean add);

  /// Computes c += a·b.
  ///
  /// @param kind that [#kind] returned for these tensors
  void multiply(int kind, Tensor a, Tensor b, Tensor c);

  /// Returns the provider on the class path, for one thread.
  static Optional<RankProducts> find() {
    return ServiceLoader.load(RankProducts.class, RankProducts.class.getClassLoader()).findFirst();
  }
}
