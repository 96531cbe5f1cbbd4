package dev.nudge.model;

import dev.nudge.nn.Norm;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Residual;
import dev.nudge.nn.ScoreHead;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.Arrays;

/// Computes the final norm and the score head, for the last row of each sequence of a batch. Sums
/// are computed in double, row by row, so a score does not depend on other rows.
///
/// @param norm the final norm
record SequenceOutput(Norm norm, ScoreHead head) {
  private static final int CHUNK = 64; // rows

  /// Computes the score of each labelled row of the batch.
  void score(Residual r, Batch b, double[] numbers, Pass p) {
    Workspace ws = p.ws();
    for (int from = 0; from < b.rows().length; from += CHUNK) {
      int to = Math.min(b.rows().length, from + CHUNK);
      int mark = ws.mark();
      Residual picked = OutputHead.picked(r, Arrays.copyOfRange(b.rows(), from, to), p);
      norm.forward(picked, picked.x(), p);
      if (!ws.dry()) {
        head.forward(picked.branch(), numbers, from);
      }
      ws.release(mark);
    }
  }

  /// Computes −Σ factor · number over the labelled rows, and its gradient.
  ///
  /// @param sum receives the gradient of the residual stream (rows, width), accumulator type
  double loss(Residual r, Batch b, double weight, Tensor sum, Pass p) {
    Workspace ws = p.ws();
    double[] numbers = new double[b.rows().length];
    double[] factors = new double[numbers.length];
    Arrays.setAll(factors, b::weight);
    ws.zero(sum);
    for (int from = 0; from < numbers.length; from += CHUNK) {
      int to = Math.min(numbers.length, from + CHUNK);
      int mark = ws.mark();
      int[] rows = Arrays.copyOfRange(b.rows(), from, to);
      Residual picked = OutputHead.picked(r, rows, p);
      Norm.Saved saved = norm.forward(picked, picked.x(), p);
      Tensor normed = ws.take(sum.dtype(), to - from, sum.cols());
      Tensor dx = ws.take(sum.dtype(), to - from, sum.cols());
      if (!ws.dry()) {
        head.forward(picked.branch(), numbers, from);
        head.backward(picked.branch(), factors, from, weight, normed, ws.lane());
      }
      ws.zero(dx);
      norm.backward(saved, new Residual.Gradient(dx, dx, normed), null, p);
      LabelledRows.spread(dx, rows, sum, p);
      ws.release(mark);
    }
    double loss = 0;
    for (int i = 0; i < numbers.length && !ws.dry(); i++) {
      loss -= factors[i] * numbers[i];
    }
    return loss;
  }
}
