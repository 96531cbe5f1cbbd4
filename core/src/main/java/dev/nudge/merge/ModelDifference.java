package dev.nudge.merge;

import dev.nudge.model.KlDivergence;
import dev.nudge.model.StreamedLm;
import dev.nudge.nn.Linear;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.List;

/// Measures how two models' logits differ, over all tokens of some sequences.
///
/// With z the logits and p the next-token probabilities:
///
///     logits  max and mean of |z' − z| over tokens and vocabulary
///     kl      mean over tokens of the [KlDivergence] KL(p ‖ p'), in nats, p that of the reference
///     perplexity  exp of the mean −log p of the token that follows
///
/// @param tokens number of tokens compared
/// @param perplexity of the reference on the sequences
/// @param mergedPerplexity of the other (merged) model
public record ModelDifference(
    int tokens,
    double maxLogitDifference,
    double meanLogitDifference,
    double kl,
    double perplexity,
    double mergedPerplexity) {
  private static final int ROOM_BYTES = 32 << 20; // of logits of a model

  /// Rows whose logits are compared at a time.
  static int rows(int vocabulary) {
    return Math.clamp(ROOM_BYTES / (4L * vocabulary), 16, 256);
  }

  /// A model and the hidden states before its output head.
  ///
  /// @param head of its [StreamedLm#ends]
  /// @param hidden (tokens, width) of [StreamedLm#hidden]
  record Side(StreamedLm model, Linear head, Tensor hidden) {}

  /// Compares two models on the same sequences.
  static ModelDifference of(
      Side reference, Side other, List<int[]> sequences, int vocabulary, Workspace ws) {
    int[] next = next(sequences);
    Sums sums = new Sums(vocabulary);
    int step = rows(vocabulary);
    try (Scope scope = Scope.open("logits")) {
      Tensor a = scope.tensor(reference.hidden.dtype().accumulator(), step, vocabulary);
      Tensor b = scope.tensor(a.dtype(), step, vocabulary);
      for (int from = 0; from < next.length; from += step) {
        int to = Math.min(next.length, from + step);
        Tensor za = a.rows(0, to - from);
        Tensor zb = b.rows(0, to - from);
        reference.model.logits(reference.hidden.rows(from, to), reference.head, za, ws);
        other.model.logits(other.hidden.rows(from, to), other.head, zb, ws);
        for (int r = from; r < to; r++) {
          sums.add(za, zb, r - from, next[r]);
        }
      }
    }
    return sums.difference();
  }

  /// Compares two rows of logits of one token.
  ///
  /// @param next the token that follows
  static ModelDifference of(double[] reference, double[] other, int next) {
    Sums sums = new Sums(reference.length);
    sums.add(reference, other, next);
    return sums.difference();
  }

  /// The next token of each token; −1 for the last of a sequence.
  private static int[] next(List<int[]> sequences) {
    int[] next = new int[sequences.stream().mapToInt(s -> s.length).sum()];
    int at = 0;
    for (int[] ids : sequences) {
      for (int i = 0; i < ids.length; i++) {
        next[at++] = i + 1 < ids.length ? ids[i + 1] : -1;
      }
    }
    return next;
  }

  /// Running sums in double.
  private static final class Sums {
    private final double[] x;
    private final double[] y;
    private int tokens;
    private int followed;
    private double max;
    private double sum;
    private double kl;
    private double loss;
    private double otherLoss;

    Sums(int vocabulary) {
      this.x = new double[vocabulary];
      this.y = new double[vocabulary];
    }

    void add(Tensor a, Tensor b, int row, int next) {
      load(a, row, x);
      load(b, row, y);
      add(x, y, next);
    }

    void add(double[] x, double[] y, int next) {
      double logX = KlDivergence.logSumExp(x);
      double logY = KlDivergence.logSumExp(y);
      for (int v = 0; v < x.length; v++) {
        double apart = Math.abs(y[v] - x[v]);
        max = apart > max || Double.isNaN(apart) ? apart : max;
        sum += apart;
      }
      kl += KlDivergence.of(x, logX, y, logY);
      tokens++;
      if (next >= 0) {
        loss += logX - x[next];
        otherLoss += logY - y[next];
        followed++;
      }
    }

    private static void load(Tensor t, int row, double[] to) {
      for (int v = 0; v < to.length; v++) {
        to[v] = t.get(row, v);
      }
    }

    ModelDifference difference() {
      return new ModelDifference(
          tokens,
          max,
          sum / tokens / x.length,
          kl / tokens,
          Math.exp(loss / followed),
          Math.exp(otherLoss / followed));
    }
  }
}
