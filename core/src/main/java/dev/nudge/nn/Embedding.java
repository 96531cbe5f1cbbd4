package dev.nudge.nn;

import dev.nudge.kernel.Kernels;
import dev.nudge.tensor.Bf16;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Looks up a vector (width) for each input token of the vocabulary.
///
/// An adapter replaces the vectors by [#set], as it replaces layers in slots.
///
/// Threading: assigned while no pass runs.
public final class Embedding {
  private final int padding;
  private final double scale;
  private Vectors vectors;

  /// The table of an embedding, with its trained rows and an adapter.
  ///
  /// @param table a layer whose weight is the table, (vocabulary, width): dense or in a storage
  ///     format
  /// @param trained the parameter whose working copy is the table; null if it is frozen
  /// @param rows new tokens' rows that train in a frozen table
  /// @param added an adapter's update of the table's rows; null: none
  public record Vectors(
      LookupLinear table, @Nullable Parameter trained, TokenRows rows, @Nullable Update added) {

    /// A frozen table.
    public static Vectors of(LookupLinear table) {
      return new Vectors(table, null, TokenRows.NONE, null);
    }

    /// A table that trains.
    public static Vectors of(Parameter table) {
      return new Vectors(DenseLinear.of(table.work(), null), table, TokenRows.NONE, null);
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

  /// An adapter's low-rank or other update of the embedding.
  public interface Update {
    /// Adds the update's vectors for `ids` (rows, 1) to `x` (rows, width).
    void forward(Tensor ids, Tensor x, Pass p);

    /// Accumulates the update's gradients from dx (rows, width), the gradient of the vectors.
    ///
    /// @param padding an id without gradient; -1: none
    void backward(Tensor ids, Tensor dx, int padding, Pass p);

    /// Adds the update to a table's rows `from` (inclusive) to `to` (exclusive), accumulator type.
    void addTo(Tensor sum, int from, int to, Workspace ws, Kernels kernels);

    /// Visits the parameters that train.
    void parameters(Consumer<Parameter> each);

    /// Combines this update with another one, applied after it.
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

  /// Wraps a frozen table (vocabulary, width), a layer's weight.
  ///
  /// @param padding the token whose vector gets no input gradient if the table trains, as in
  ///     torch's Embedding; -1: none
  /// @param scale factor of the vectors as input; a tied head does not use it
  public Embedding(LookupLinear table, int padding, double scale) {
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

  /// The current vectors.
  public Vectors vectors() {
    return vectors;
  }

  /// Replaces the vectors; the vocabulary may be larger.
  public void set(Vectors other) {
    if (other.table.in() != vectors.table.in()) {
      throw new IllegalArgumentException(
          "vectors of " + other.table.in() + " numbers, not " + vectors.table.in());
    }
    vectors = other;
  }

  /// Looks up `ids` (rows, 1) I32, and writes their vectors to `x` (rows, width).
  public void forward(Tensor ids, Tensor x, Pass p) {
    vectors.table.lookUp(ids, x, p);
    if (vectors.added != null) {
      vectors.added.forward(ids, x, p);
    }
    if (scale != 1) {
      p.kernels().elementwise().scale(x, x.dtype() == Dtype.BF16 ? rounded(scale) : scale);
    }
  }

  /// Rounds the scale to the compute type, as transformers does.
  private static double rounded(double scale) {
    return Bf16.toFloat(Bf16.round(scale));
  }

  /// Accumulates trained parameters' gradients from `dx` (rows, width), the gradient of each
  /// token's vector; does nothing if none trains.
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

  /// Returns whether any parameter trains.
  public boolean trains() {
    boolean[] found = new boolean[1];
    parameters(p -> found[0] |= p.lanes() > 0);
    return found[0];
  }

  /// Visits the parameters that train.
  public void parameters(Consumer<Parameter> each) {
    vectors.parameters(each);
  }

  /// The table, the weight (vocabulary, width) of a layer.
  public LookupLinear table() {
    return vectors.table;
  }

  /// The parameter whose working copy is the table; null if the table is frozen.
  public @Nullable Parameter trained() {
    return vectors.trained;
  }
}
