package dev.nudge.nn;

import dev.nudge.kernel.FewRows;
import dev.nudge.kernel.Kernels;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Packed;
import dev.nudge.tensor.Team;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// The context of a forward or backward pass: tape, rows, workspace, kernels, dropout.
///
/// A pass of generation is batch-invariant: a row's bits do not depend on the other rows. A
/// decoding pass has a team: its rows are few, and each weight is read once for all rows, in its
/// storage format. A prefill pass multiplies by packed factors, however few its rows are.
///
/// @param tape where modules save activations; null if there is no backward pass
/// @param rows which rows belong to which sequence
/// @param ws the lane's memory and products
/// @param steady whether this is a pass of generation (prefill or decode)
/// @param team threads that share the work of a decoding pass; null in any other
/// @param kept packed weights of earlier prefill passes; null: none are kept
/// @param load counts the experts' tokens; null where nobody asks
public record Pass(
    @Nullable Tape tape,
    Segments rows,
    Workspace ws,
    Kernels kernels,
    Dropout dropout,
    boolean steady,
    @Nullable Team team,
    @Nullable KeptFactors kept,
    @Nullable ExpertLoad load) {
  private static final int PIECES = 4; // of a product, for each thread
  private static final int LEAST = 16; // rows of a weight that make a piece

  /// A pass of training or scoring.
  public Pass(@Nullable Tape tape, Segments rows, Workspace ws, Kernels kernels, Dropout dropout) {
    this(tape, rows, ws, kernels, dropout, false, null, null, null);
  }

  public Gemm gemm() {
    return ws.gemm();
  }

  /// Returns this pass without a tape, for a part whose activations are not kept.
  public Pass withoutTape() {
    return new Pass(null, rows, ws, kernels, dropout, steady, team, kept, load);
  }

  /// Returns the pass of some of this one's rows, as generation has it: each row has the adapter of
  /// its sequence.
  ///
  /// @param picked their numbers, ascending, (n, 1) I32
  Pass some(Tensor picked) {
    return rows.count() == 1 || ws.dry()
        ? this
        : new Pass(tape, rows.some(picked), ws, kernels, dropout, steady, team, kept, load);
  }

  /// The factor (in, out) of a layer that prefill passes keep; null if there is none.
  ///
  /// @param weight makes the weight (out, in)
  @Nullable Packed kept(Linear layer, Supplier<Tensor> weight) {
    return kept == null || ws.dry() ? null : kept.of(layer, weight, ws);
  }

  /// Returns this pass for the rows of one adapter alone.
  public Pass of(Segments.Part part) {
    return new Pass(
        tape, part.rows(), ws, kernels, part.owner().dropout(), steady, team, kept, load);
  }

  /// Computes y = x·Wᵀ, or adds to it, with a weight in the compute type.
  ///
  /// @param weight (out, in)
  public void product(Tensor x, Tensor weight, Tensor y, boolean add) {
    if (!steady) {
      gemm().multiply(x, Packed.plain(weight.transposed()), y, add);
    } else if (!few(x, new FewRows.Dense(weight), y, add)) {
      int mark = ws.mark();
      gemm().multiply(x, ws.pack(weight.transposed()), y, add);
      ws.release(mark);
    }
  }

  /// Computes y = x·Wᵀ, or adds to it, with a weight in its storage format, if this pass decodes
  /// and the kernels support the format.
  ///
  /// @param w null: the weight must be dequantised first
  /// @return whether y was computed
  public boolean few(Tensor x, FewRows.@Nullable Weight w, Tensor y, boolean add) {
    return takes(x, w) && few(List.of(x), List.of(w), List.of(y), add);
  }

  /// Computes yᵢ = xᵢ·Wᵢᵀ, or adds to it, for several weights in the compute type; in a decoding
  /// pass as one parallel task, with a single barrier.
  public void products(List<Tensor> xs, List<Tensor> weights, List<Tensor> ys, boolean add) {
    List<FewRows.Weight> small = new ArrayList<>(weights.size());
    for (int i = 0; steady && i < weights.size(); i++) {
      FewRows.Weight w = new FewRows.Dense(weights.get(i));
      if (!takes(xs.get(i), w)) {
        break;
      }
      small.add(w);
    }
    if (small.size() == weights.size()) {
      few(xs, small, ys, add);
      return;
    }
    for (int i = 0; i < weights.size(); i++) {
      product(xs.get(i), weights.get(i), ys.get(i), add);
    }
  }

  private boolean takes(Tensor x, FewRows.@Nullable Weight w) {
    return team != null && w != null && kernels.fewRows().takes(w, x.dtype());
  }

  /// Computes several layers of one input as one parallel task, with a single barrier.
  ///
  /// @return whether the products were computed; if not, nothing was written
  boolean few(Tensor x, List<? extends Linear> layers, List<Tensor> ys) {
    List<FewRows.Weight> weights = new ArrayList<>(layers.size());
    for (Linear layer : layers) {
      FewRows.Weight w = team == null ? null : layer.few();
      if (w == null || !takes(x, w)) {
        return false;
      }
      weights.add(w);
    }
    return few(Collections.nCopies(weights.size(), x), weights, ys, false);
  }

  private boolean few(List<Tensor> xs, List<FewRows.Weight> weights, List<Tensor> ys, boolean add) {
    FewRows kernel = kernels.fewRows();
    Team all = Objects.requireNonNull(team);
    int mark = ws.mark();
    int n = weights.size();
    Tensor[] arranged = new Tensor[n];
    int rows = 0;
    for (int i = 0; i < n; i++) {
      Tensor x = xs.get(i);
      boolean again =
          i > 0 && x == xs.get(i - 1) && kernel.alike(weights.get(i - 1), weights.get(i));
      arranged[i] = again ? arranged[i - 1] : kernel.arranged(x, weights.get(i), ws);
      rows += weights.get(i).rows();
    }
    int total = rows;
    Dtype type = xs.getFirst().dtype();
    int pieces = Math.clamp(total / LEAST, 1, PIECES * all.threads());
    all.each(
        pieces,
        piece -> {
          int first = (int) ((long) total * piece / pieces);
          int last = (int) ((long) total * (piece + 1) / pieces);
          for (int i = 0, start = 0; i < n && start < last; start += weights.get(i++).rows()) {
            int to = Math.min(last - start, weights.get(i).rows());
            int from = Math.max(0, first - start);
            if (from < to) {
              kernel.multiply(arranged[i], weights.get(i), type, from, to, ys.get(i), add);
            }
          }
        });
    ws.release(mark);
    return true;
  }

  /// The lane's part of the sequence, in a pass that is split over all lanes.
  Share share() {
    return Objects.requireNonNull(rows.share(), "the sequences of this pass are whole");
  }

  /// The tape of a pass that has one; throws if it has none.
  public Tape taped() {
    if (tape == null) {
      throw new IllegalStateException("a backward pass needs the tape of its forward pass");
    }
    return tape;
  }
}
