package dev.nudge.model;

import dev.nudge.nn.Pass;
import dev.nudge.tensor.Tensor;

/// Gathers a batch's labelled rows and scatter-adds them back.
final class LabelledRows {
  private LabelledRows() {}

  /// to[i] = from[rows[i]].
  static void pick(Tensor from, int[] rows, Tensor to, Pass p) {
    each(
        rows,
        (start, end) -> copy(from.rows(rows[start], rows[end - 1] + 1), to.rows(start, end), p));
  }

  /// to[rows[i]] += from[i], in the order of i.
  static void spread(Tensor from, int[] rows, Tensor to, Pass p) {
    each(
        rows,
        (start, end) ->
            p.kernels()
                .elementwise()
                .add(from.rows(start, end), to.rows(rows[start], rows[end - 1] + 1)));
  }

  private static void copy(Tensor from, Tensor to, Pass p) {
    p.kernels().elementwise().copy(from, to);
  }

  private interface Run {
    void at(int start, int end);
  }

  private static void each(int[] rows, Run run) {
    for (int start = 0; start < rows.length; ) {
      int end = start + 1;
      while (end < rows.length && rows[end] == rows[end - 1] + 1) {
        end++;
      }
      run.at(start, end);
      start = end;
    }
  }
}
