package dev.nudge.tensor;

import java.util.Optional;
import java.util.ServiceLoader;

/// Adds products of which one size is the rank of an adapter, by code that a library of products
/// may use in place of its own; found by [ServiceLoader].
///
/// A library takes a kind of products only where it has compared them with its own to the bit, so
/// that no result depends on whether there is such code.
///
/// Threading: confined to one thread, as a [Gemm].
public interface RankProducts {
  /// A number above those of all kinds.
  int KINDS = 16;

  /// The kind of c += a·b; negative if it is not computed here. Products of a kind add their terms
  /// in the same order.
  int kind(Tensor a, Tensor b, Tensor c, boolean add);

  /// Computes c += a·b.
  ///
  /// @param kind that [#kind] returned for these tensors
  void multiply(int kind, Tensor a, Tensor b, Tensor c);

  /// The provider on the class path, for one thread.
  static Optional<RankProducts> find() {
    return ServiceLoader.load(RankProducts.class, RankProducts.class.getClassLoader()).findFirst();
  }
}
