package dev.nudge.nn;

import dev.nudge.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/// The vectors of the vocabulary: a row (width) for each token.
public final class Embedding {
  private final Tensor table; // (vocabulary, width)
  private final @Nullable Parameter trained;
  private final int padding;

  /// A frozen table (vocabulary, width).
  public Embedding(Tensor table) {
    this.table = table;
    this.trained = null;
    this.padding = -1;
  }

  /// A table that trains.
  ///
  /// @param padding the token whose vector gets no gradient as an input, as in torch's Embedding;
  ///     -1: none
  public Embedding(Parameter table, int padding) {
    this.table = table.work();
    this.trained = table;
    this.padding = padding;
  }

  /// Writes the rows of `ids` (rows, 1) I32 into `x` (rows, width).
  public void forward(Tensor ids, Tensor x, Pass p) {
    p.kernels().elementwise().gather(table, ids, x);
  }

  /// Adds the gradient `dx` (rows, width) of each token's vector to the table's; nothing is done
  /// where the table is frozen.
  public void backward(Tensor ids, Tensor dx, Pass p) {
    if (trained != null) {
      p.kernels().elementwise().scatter(dx, ids, padding, trained.gradient(p.ws().lane()));
    }
  }

  /// The table (vocabulary, width).
  public Tensor table() {
    return table;
  }

  /// The parameter that the table is; null where the table is frozen.
  public @Nullable Parameter trained() {
    return trained;
  }
}
