package dev.nudge.kernel;

import dev.nudge.tensor.Tensor;

/// Computes attention of one query, for decoding: no products of matrices, whose shapes would be
/// others at each token.
///
/// What it is to compute says [Attend]. A query's bits depend on the query and its keys alone, not
/// on how these lie in blocks.
///
/// Threading: any number of threads at once.
public interface AttendOne {
  /// Computes the heads of one key-value head for the last position of a sequence.
  ///
  /// @param g which key-value head
  /// @param q (1, queryWidth)
  /// @param kv keys and values up to the query's own
  /// @param out (1, queryWidth), of which the group's columns are written
  void forward(Attend.Shape h, int g, Tensor q, KeyValues kv, Tensor out);

  /// Computes number by number, in double.
  final class Plain implements AttendOne {
    @Override
    public void forward(Attend.Shape h, int g, Tensor q, KeyValues kv, Tensor out) {
      int n = kv.rows();
      int first = h.first(n - 1);
      for (int head = g * h.group(); head < (g + 1) * h.group(); head++) {
        double[] p = new double[n];
        double max = Double.NEGATIVE_INFINITY;
        for (int j = first; j < n; j++) {
          double dot = 0;
          for (int i = 0; i < h.dim(); i++) {
            dot += q.get(0, (long) head * h.dim() + i) * at(kv, true, j, g * h.dim() + i);
          }
          dot *= h.scale();
          p[j] = h.softCap() == 0 ? dot : h.softCap() * Math.tanh(dot / h.softCap());
          max = Math.max(max, p[j]);
        }
        double sum = 0;
        for (int j = first; j < n; j++) {
          p[j] = Math.exp(p[j] - max);
          sum += p[j];
        }
        for (int i = 0; i < h.dim(); i++) {
          double all = 0;
          for (int j = first; j < n; j++) {
            all += p[j] * at(kv, false, j, g * h.dim() + i);
          }
          out.set(0, (long) head * h.dim() + i, all / sum);
        }
      }
    }

    private static double at(KeyValues kv, boolean keys, int row, int col) {
      int size = kv.keys().getFirst().rows();
      return (keys ? kv.keys() : kv.values()).get(row / size).get(row % size, col);
    }
  }
}
