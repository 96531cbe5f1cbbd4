package dev.nudge.nn;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.List;
import java.util.function.Consumer;

/// Trained rows of a frozen embedding table: the vectors of new tokens.
///
/// A run of consecutive ids is one [Parameter], whose working copy is a view of the table, so the
/// next pass reads the optimiser's changes.
///
/// @param runs in the order of their ids
public record TokenRows(List<Run> runs) {
  /// No row trains.
  public static final TokenRows NONE = new TokenRows(List.of());

  private static final int PASSED_OVER = -2; // no id

  /// @param from id of the first row
  /// @param parameter (rows, width)
  public record Run(int from, Parameter parameter) {
    int to() {
      return from + parameter.master().rows();
    }
  }

  public TokenRows {
    runs = List.copyOf(runs);
  }

  /// Accumulates the trained rows' gradients from those of the vectors of `ids` (rows, 1).
  ///
  /// @param dx (rows, width)
  /// @param padding an id without gradient; -1: none
  void backward(Tensor ids, Tensor dx, int padding, Pass p) {
    Workspace ws = p.ws();
    for (Run run : runs) {
      int mark = ws.mark();
      Tensor local = ws.take(Dtype.I32, ids.rows(), 1);
      for (int i = 0; i < ids.rows() && !ws.dry(); i++) {
        int id = (int) ids.at(i);
        boolean here = id >= run.from && id < run.to() && id != padding;
        local.put(i, here ? id - run.from : PASSED_OVER);
      }
      p.kernels().elementwise().scatter(dx, local, PASSED_OVER, run.parameter.gradient(ws.lane()));
      ws.release(mark);
    }
  }

  /// Accumulates the gradients of the trained rows as output head: dW += dzᵀ·h for these rows.
  ///
  /// @param dz (rows, vocabulary)
  /// @param h (rows, width)
  void head(Tensor dz, Tensor h, Workspace ws) {
    for (Run run : runs) {
      Tensor columns = dz.cols(run.from, run.to());
      ws.gemm().multiply(columns.transposed(), h, run.parameter.gradient(ws.lane()), true);
    }
  }

  void parameters(Consumer<Parameter> each) {
    runs.forEach(run -> each.accept(run.parameter));
  }
}
