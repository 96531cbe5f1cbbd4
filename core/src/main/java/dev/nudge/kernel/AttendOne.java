package dev.nudge.kernel;

import dev.nudge.tensor.Team;
import dev.nudge.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Computes attention for decoding, one query of each sequence, without matrix products, whose
/// shapes would change with each token.
///
/// [Attend] has the formula. A query's result depends on the query and its keys only: not on the KV
/// cache's block size, the other queries of the batch, or the number of threads.
///
/// Threading: one call at a time, which splits its work over the team.
public interface AttendOne {
  /// Computes all heads for the last positions of some sequences.
  ///
  /// @param q (n, queryWidth)
  /// @param seen for each query the keys and values up to its own position
  /// @param sinks (1, count), an extra logit a head ([AttentionSinks]); null: none
  /// @param out (n, queryWidth)
  void forward(
      Attend.Shape h,
      Tensor q,
      List<KeyValues> seen,
      @Nullable Tensor sinks,
      Tensor out,
      Team team);

  /// Attention whose sweeps over bf16 keys and values a provider may replace.
  interface BySweeps extends AttendOne {
    AttendSweeps sweeps();

    /// Replaces the sweeps by bit-identical ones.
    AttendOne with(AttendSweeps other);
  }

  /// Computes number by number, in double.
  final class Plain implements AttendOne {
    @Override
    public void forward(
        Attend.Shape h,
        Tensor q,
        List<KeyValues> seen,
        @Nullable Tensor sinks,
        Tensor out,
        Team team) {
      team.each(
          q.rows() * h.count(),
          i -> head(h, i % h.count(), q, i / h.count(), seen.get(i / h.count()), sinks, out));
    }

    private static void head(
        Attend.Shape h,
        int head,
        Tensor q,
        int row,
        KeyValues kv,
        @Nullable Tensor sinks,
        Tensor out) {
      int n = kv.rows();
      int first = h.first(n - 1);
      int g = head / h.group();
      double[] p = new double[n];
      double sink = sinks == null ? Double.NEGATIVE_INFINITY : sinks.get(0, head);
      double max = sink;
      for (int j = first; j < n; j++) {
        double dot = 0;
        for (int i = 0; i < h.dim(); i++) {
          dot += q.get(row, (long) head * h.dim() + i) * at(kv, true, j, g * h.dim() + i);
        }
        dot *= h.scale();
        p[j] = h.softCap() == 0 ? dot : h.softCap() * Math.tanh(dot / h.softCap());
        max = Math.max(max, p[j]);
      }
      double sum = Math.exp(sink - max);
      for (int j = first; j < n; j++) {
        p[j] = Math.exp(p[j] - max);
        sum += p[j];
      }
      for (int i = 0; i < h.dim(); i++) {
        double all = 0;
        for (int j = first; j < n; j++) {
          all += p[j] * at(kv, false, j, g * h.dim() + i);
        }
        out.set(row, (long) head * h.dim() + i, all / sum);
      }
    }

    private static double at(KeyValues kv, boolean keys, int row, int col) {
      int size = kv.keys().getFirst().rows();
      return (keys ? kv.keys() : kv.values()).get(row / size).get(row % size, col);
    }
  }
}
