package dev.nudge.nn;

import dev.nudge.tensor.Bf16;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/// The vectors of the vocabulary: a row (width) for each token.
public final class Embedding {
  private final Tensor table; // (vocabulary, width)
  private final @Nullable Parameter trained;
  private final int padding;
  private final double scale;

  /// A frozen table (vocabulary, width).
  ///
  /// @param scale of the vectors as input; a head that is this table goes without
  public Embedding(Tensor table, double scale) {
    this(table, null, -1, scale);
  }

  /// A table that trains.
  ///
  /// @param padding the token whose vector gets no gradient as an input, as in torch's Embedding;
  ///     -1: none
  public Embedding(Parameter table, int padding, double scale) {
    this(table.work(), table, padding, scale);
  }

  private Embedding(Tensor table, @Nullable Parameter trained, int padding, double scale) {
    this.table = table;
    this.trained = trained;
    this.padding = padding;
    this.scale = scale;
  }

  /// Writes the rows of `ids` (rows, 1) I32 into `x` (rows, width).
  public void forward(Tensor ids, Tensor x, Pass p) {
    p.kernels().elementwise().gather(table, ids, x);
    if (scale != 1) {
      p.kernels().elementwise().scale(x, x.dtype() == Dtype.BF16 ? rounded(scale) : scale);
    }
  }

  /// The scale as transformers multiplies with it.
  private static double rounded(double scale) {
    return Bf16.toFloat(Bf16.round(scale));
  }

  /// Adds the gradient `dx` (rows, width) of each token's vector to the table's; nothing is done
  /// where the table is frozen.
  ///
  /// @param dx scaled in place
  public void backward(Tensor ids, Tensor dx, Pass p) {
    if (trained != null) {
      if (scale != 1) {
        p.kernels().elementwise().scale(dx, table.dtype() == Dtype.BF16 ? rounded(scale) : scale);
      }
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
