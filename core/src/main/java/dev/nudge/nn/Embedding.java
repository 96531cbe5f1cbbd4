package dev.nudge.nn;

import dev.nudge.tensor.Tensor;

/// The vectors of the vocabulary: a row (width) for each token.
public final class Embedding {
  private final Tensor table; // (vocabulary, width)

  public Embedding(Tensor table) {
    this.table = table;
  }

  /// Writes the rows of `ids` (rows, 1) I32 into `x` (rows, width).
  public void forward(Tensor ids, Tensor x, Pass p) {
    p.kernels().elementwise().gather(table, ids, x);
  }

  /// The table (vocabulary, width).
  public Tensor table() {
    return table;
  }
}
