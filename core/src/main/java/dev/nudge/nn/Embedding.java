package dev.nudge.nn;

import dev.nudge.kernel.Kernels;
import dev.nudge.tensor.Bf16;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// The vectors of the vocabulary: a row (width) for each token.
///
/// Adapters change what the vectors are made of by an assignment ([#set]), as they put layers into
/// slots.
///
/// Threading: assigned while no pass runs.
public final class Embedding {
  private final int padding;
  private final double scale;
  private Vectors vectors;

  /// What the vectors are made of.
  ///
  /// @param table (vocabulary, width)
  /// @param trained the parameter that the table is; null where it is frozen
  /// @param rows that train by themselves
  /// @param added what an adapter adds to the table's rows; null: nothing
  public record Vectors(
      Tensor table, @Nullable Parameter trained, TokenRows rows, @Nullable Update added) {

    /// A frozen table.
    public static Vectors of(Tensor table) {
      return new Vectors(table, null, TokenRows.NONE, null);
    }

    /// A table that trains.
    public static Vectors of(Parameter table) {
      return new Vectors(table.work(), table, TokenRows.NONE, null);
    }

    void parameters(Consumer<Parameter> each) {
      if (trained != null) {
        each.accept(trained);
      }
      rows.parameters(each);
      if (added != null) {
        added.parameters(each);
      }
    }
  }

  /// Adds to the vectors of tokens.
  public interface Update {
    /// Adds to `x` (rows, width) what is added for `ids` (rows, 1).
    void forward(Tensor ids, Tensor x, Pass p);

    /// Adds the gradients, with dx (rows, width) that of the vectors.
    ///
    /// @param padding an id whose vectors give none; -1: none
    void backward(Tensor ids, Tensor dx, int padding, Pass p);

    /// Adds to rows `from` (inclusive) to `to` (exclusive) of a table in the accumulator type.
    void addTo(Tensor sum, int from, int to, Workspace ws, Kernels kernels);

    /// Visits the parameters that train.
    void parameters(Consumer<Parameter> each);

    /// This update and another one on the same vectors, which comes after it.
    default Update and(Update other) {
      Update first = this;
      return new Update() {
        @Override
        public void forward(Tensor ids, Tensor x, Pass p) {
          first.forward(ids, x, p);
          other.forward(ids, x, p);
        }

        @Override
        public void backward(Tensor ids, Tensor dx, int padding, Pass p) {
          first.backward(ids, dx, padding, p);
          other.backward(ids, dx, padding, p);
        }

        @Override
        public void addTo(Tensor sum, int from, int to, Workspace ws, Kernels kernels) {
          first.addTo(sum, from, to, ws, kernels);
          other.addTo(sum, from, to, ws, kernels);
        }

        @Override
        public void parameters(Consumer<Parameter> each) {
          first.parameters(each);
          other.parameters(each);
        }
      };
    }
  }

  /// A frozen table (vocabulary, width).
  ///
  /// @param padding the token whose vector gets no gradient as an input where the table trains, as
  ///     in torch's Embedding; -1: none
  /// @param scale of the vectors as input; a head that is this table goes without
  public Embedding(Tensor table, int padding, double scale) {
    this(Vectors.of(table), padding, scale);
  }

  /// A table that trains.
  public Embedding(Parameter table, int padding, double scale) {
    this(Vectors.of(table), padding, scale);
  }

  private Embedding(Vectors vectors, int padding, double scale) {
    this.vectors = vectors;
    this.padding = padding;
    this.scale = scale;
  }

  /// What the vectors are made of.
  public Vectors vectors() {
    return vectors;
  }

  /// Makes the vectors of something else; the vocabulary may be larger.
  public void set(Vectors other) {
    if (other.table.cols() != vectors.table.cols()) {
      throw new IllegalArgumentException(
          "vectors of " + other.table.cols() + " numbers, not " + vectors.table.cols());
    }
    vectors = other;
  }

  /// Writes the rows of `ids` (rows, 1) I32 into `x` (rows, width).
  public void forward(Tensor ids, Tensor x, Pass p) {
    p.kernels().elementwise().gather(vectors.table, ids, x);
    if (vectors.added != null) {
      vectors.added.forward(ids, x, p);
    }
    if (scale != 1) {
      p.kernels().elementwise().scale(x, x.dtype() == Dtype.BF16 ? rounded(scale) : scale);
    }
  }

  /// The scale as transformers multiplies with it.
  private static double rounded(double scale) {
    return Bf16.toFloat(Bf16.round(scale));
  }

  /// Adds the gradient `dx` (rows, width) of each token's vector to what trains; nothing is done
  /// where all is frozen.
  ///
  /// @param dx scaled in place
  public void backward(Tensor ids, Tensor dx, Pass p) {
    if (!trains()) {
      return;
    }
    if (scale != 1) {
      boolean low = vectors.table.dtype() == Dtype.BF16;
      p.kernels().elementwise().scale(dx, low ? rounded(scale) : scale);
    }
    if (vectors.trained != null) {
      Tensor gradient = vectors.trained.gradient(p.ws().lane());
      p.kernels().elementwise().scatter(dx, ids, padding, gradient);
    }
    vectors.rows.backward(ids, dx, padding, p);
    if (vectors.added != null) {
      vectors.added.backward(ids, dx, padding, p);
    }
  }

  /// Whether anything of it trains.
  public boolean trains() {
    boolean[] found = new boolean[1];
    parameters(p -> found[0] |= p.lanes() > 0);
    return found[0];
  }

  /// Visits the parameters that train.
  public void parameters(Consumer<Parameter> each) {
    vectors.parameters(each);
  }

  /// The table (vocabulary, width).
  public Tensor table() {
    return vectors.table;
  }

  /// The parameter that the table is; null where the table is frozen.
  public @Nullable Parameter trained() {
    return vectors.trained;
  }
}
