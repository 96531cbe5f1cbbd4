package dev.nudge.nn;

import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Packed;
import dev.nudge.tensor.Team;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// The context of a forward or backward pass: tape, rows, workspace, kernels, dropout.
///
/// A pass of generation is batch-invariant: a row's result does not depend on other rows. A
/// decoding pass has a team and few rows, and reads each weight once for all rows, in its storage
/// format. A prefill pass multiplies by packed factors, even for few rows.
///
/// @param tape where modules save activations; null if there is no backward pass
/// @param rows maps rows to sequences
/// @param ws the lane's memory and products
/// @param batchInvariant whether this is a pass of generation (prefill or decode)
/// @param team threads that share the work of a decoding pass; null otherwise
/// @param kept packed weights of earlier prefill passes; null: none are kept
/// @param load counts the experts' tokens; null: not counted
public record Pass(
    @Nullable Tape tape,
    Segments rows,
    Workspace ws,
    Kernels kernels,
    Dropout dropout,
    boolean batchInvariant,
    @Nullable Team team,
    @Nullable KeptFactors kept,
    @Nullable ExpertLoad load) {
  /// A pass of training or scoring.
  public Pass(@Nullable Tape tape, Segments rows, Workspace ws, Kernels kernels, Dropout dropout) {
    this(tape, rows, ws, kernels, dropout, false, null, null, null);
  }

  public Gemm gemm() {
    return ws.gemm();
  }

  /// Returns this pass without a tape, for a part whose activations are not kept.
  public Pass withoutTape() {
    return new Pass(null, rows, ws, kernels, dropout, batchInvariant, team, kept, load);
  }

  /// Returns this pass for some of its rows, for generation: each row keeps its sequence's adapter.
  ///
  /// @param picked row indices, ascending, (n, 1) I32
  public Pass some(Tensor picked) {
    return rows.count() == 1 || ws.dry()
        ? this
        : new Pass(tape, rows.some(picked), ws, kernels, dropout, batchInvariant, team, kept, load);
  }

  /// Returns a layer's cached factor (in, out) for prefill; null: none.
  ///
  /// @param weight makes the weight (out, in)
  @Nullable Packed kept(Linear layer, Supplier<Tensor> weight) {
    return kept == null || ws.dry() ? null : kept.of(layer, weight, ws);
  }

  /// Returns this pass for one adapter's rows.
  public Pass of(Segments.Part part) {
    return new Pass(
        tape, part.rows(), ws, kernels, part.owner().dropout(), batchInvariant, team, kept, load);
  }

  /// Computes y = x·Wᵀ, or adds to it, with a weight in the compute type.
  ///
  /// @param weight (out, in)
  public void product(Tensor x, Tensor weight, Tensor y, boolean add) {
    if (!batchInvariant) {
      gemm().multiply(x, Packed.plain(weight.transposed()), y, add);
    } else if (!few(x, new SkinnyProduct.Dense(weight), y, add)) {
      int mark = ws.mark();
      gemm().multiply(x, ws.pack(weight.transposed()), y, add);
      ws.release(mark);
    }
  }

  /// Computes y = x·Wᵀ, or adds to it, with a weight in its storage format, if this pass decodes
  /// and the kernels support the format.
  ///
  /// @return whether y was computed
  private boolean few(Tensor x, SkinnyProduct.Weight w, Tensor y, boolean add) {
    if (team == null || !kernels.fewRows().takes(w, x.dtype())) {
      return false;
    }
    DecodeProducts.product(x, w, y, add, team, this);
    return true;
  }

  /// Computes several layers of one input as one parallel task, with a single barrier, if this pass
  /// decodes and the kernels support the layers' weights.
  ///
  /// @return whether the outputs were computed; if not, nothing was written
  public boolean few(Tensor x, List<? extends Linear> layers, List<Tensor> ys) {
    if (team == null) {
      return false;
    }
    List<DecodeProducts.Product> products = new ArrayList<>(layers.size());
    for (int i = 0; i < ys.size(); i++) {
      SkinnyProduct.Weight w = DecodeProducts.weight(layers.get(i), x.dtype(), kernels.fewRows());
      if (w == null) {
        return false;
      }
      products.add(new DecodeProducts.Product(layers.get(i), w, x, ys.get(i)));
    }
    fewOf(products, false);
    return true;
  }

  /// Computes layers, each from rows of its own, as one parallel task in a pass that decodes.
  ///
  /// @param kinds whether a dry run stands for layers with weights of several kinds
  public void fewOf(List<DecodeProducts.Product> products, boolean kinds) {
    DecodeProducts.run(
        products, kinds, Objects.requireNonNull(team, "only decoding has a team"), this);
    products.forEach(each -> each.layer().finish(each.y(), this));
  }

  /// Returns the lane's part of a sequence that is split over all lanes.
  public Share share() {
    return Objects.requireNonNull(rows.share(), "the sequences of this pass are whole");
  }

  /// Returns the tape; throws if the pass has none.
  public Tape taped() {
    if (tape == null) {
      throw new IllegalStateException("a backward pass needs the tape of its forward pass");
    }
    return tape;
  }
}
