package dev.nudge.kernel;

import dev.nudge.kernel.Attend.Shape;
import dev.nudge.tensor.Tensor;

/// Adds to attention one logit z a head, which has no value (attention sinks [1]).
///
/// With L the log-sum-exp of a query's scores and O its attention, a sink makes them
///
///     L′ = log(e^L + e^z)        O′ = O·e^(L − L′)
///
/// so a sink is a sweep over [Attend]'s results. [Attend]'s backward pass on L′ and O′ computes the
/// correct gradients of q, k and v from dS = P′ ∘ (dO·Vᵀ − dO·O′), P′ = e^(S − L′); the sink's
/// gradient is dz = −Σ e^(z − L′)·(dO·O′) over the queries.
///
/// [1] Xiao et al., arXiv:2309.17453; learned as in gpt-oss.
public final class AttentionSinks {
  private AttentionSinks() {}

  /// Overwrites attention and log-sum-exp of the rows `from` to `to` of a sequence.
  ///
  /// @param out (m, queryWidth)
  /// @param lse (m · count, 1), of [Attend#forward]
  /// @param sinks (1, count)
  public static void forward(Shape h, Tensor out, Tensor lse, Tensor sinks, int from, int to) {
    double[] row = new double[out.cols()];
    for (int r = from; r < to; r++) {
      Rows.load(out, r, row);
      for (int head = 0; head < h.count(); head++) {
        int at = place(h, out.rows(), r, head);
        double l = lse.get(at, 0);
        double over = Math.exp(sinks.get(0, head) - l);
        double share = 1 / (1 + over);
        for (int i = head * h.dim(); i < (head + 1) * h.dim(); i++) {
          row[i] *= share;
        }
        lse.set(at, 0, Double.isInfinite(over) ? sinks.get(0, head) : l + Math.log1p(over));
      }
      Rows.store(row, out, r);
    }
  }

  /// Adds the sinks' gradients of a sequence.
  ///
  /// @param out with sinks, as `lse`
  /// @param dSinks (1, count)
  public static void backward(
      Shape h, Tensor out, Tensor lse, Tensor dOut, Tensor sinks, Tensor dSinks) {
    double[] o = new double[out.cols()];
    double[] d = new double[out.cols()];
    double[] sum = new double[h.count()];
    for (int r = 0; r < out.rows(); r++) {
      Rows.load(out, r, o);
      Rows.load(dOut, r, d);
      for (int head = 0; head < sum.length; head++) {
        double dot = 0;
        for (int i = head * h.dim(); i < (head + 1) * h.dim(); i++) {
          dot += o[i] * d[i];
        }
        double share = Math.exp(sinks.get(0, head) - lse.get(place(h, out.rows(), r, head), 0));
        sum[head] -= share * dot;
      }
    }
    Rows.addTo(dSinks, 0, sum);
  }

  private static int place(Shape h, int rows, int row, int head) {
    int group = h.group();
    return (head / group * rows + row) * group + head % group;
  }
}
