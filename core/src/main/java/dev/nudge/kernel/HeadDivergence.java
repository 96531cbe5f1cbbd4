package dev.nudge.kernel;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import org.jspecify.annotations.Nullable;

/// Fuses the output head with the Kullback-Leibler divergence from a base model's next-token
/// distributions, over the whole vocabulary, without storing the logits of all rows.
///
///     KL = Σ p_B · (log p_B − log p)       p = softmax(z), p_B = softmax(z_B)
///     dz = (p − p_B) · weight,  dh = dz·W
///
/// KL is the cross-entropy with soft targets p_B, less a constant. With t any token of a row, D =
/// z_B − z and e_t the one-hot vector
///
///     KL = Σ (p_B − e_t)·D + log p_B(t) − log p(t)
///
/// which is exactly 0 for equal logits, and needs only [CrossEntropy]'s results.
///
/// Rows are processed in chunks, whose three matrices of fp32 logits are a few megabytes each.
public final class HeadDivergence {
  private static final int TILE = 64; // rows of a packed product's least tile

  private HeadDivergence() {}

  /// The base's hidden states and head.
  ///
  /// @param h (n, width) normalised hidden states
  public record Base(Tensor h, HeadLoss.Weight weight) {}

  /// Computes the divergences, and the gradient of weight · Σ KL.
  ///
  /// @param h (n, width) normalised hidden states
  /// @param targets (n, 1) I32, any token of each row
  /// @param divergence (n, 1) F64, written
  /// @param dh (n, width) accumulator type, written
  /// @param beside adapter or trained weight of the head; null: the frozen weight alone
  public static void train(
      Base base,
      Tensor h,
      HeadLoss.Weight w,
      Tensor targets,
      double weight,
      Tensor divergence,
      Tensor dh,
      HeadLoss.@Nullable Beside beside,
      Workspace ws,
      Kernels kernels) {
    Dtype acc = h.dtype().accumulator();
    int step = chunk(w, acc);
    for (int from = 0; from < h.rows(); from += step) {
      int to = Math.min(h.rows(), from + step);
      int mark = ws.mark();
      int all = w.padded() ? step : Math.max(2, to - from); // the rest is padding
      Tensor hidden = padded(h.rows(from, to), all, ws, kernels);
      Tensor logits = logits(hidden, w, ws);
      if (beside != null) {
        beside.forward(from, to - from, hidden, logits, ws);
      }
      w.shape().apply(logits, kernels);
      Tensor known = logits(padded(base.h().rows(from, to), all, ws, kernels), base.weight(), ws);
      base.weight().shape().apply(known, kernels);
      Chunk chunk =
          new Chunk(
              logits.rows(0, to - from),
              known.rows(0, to - from),
              targets.rows(from, to),
              divergence.rows(from, to));
      chunk.differ(w.shape(), weight, ws, kernels);
      Tensor dz = ws.take(h.dtype(), all, logits.cols());
      ws.zero(dz);
      kernels.elementwise().copy(logits.rows(0, to - from), dz.rows(0, to - from));
      Tensor down = ws.take(acc, all, h.cols());
      w.down().multiply(dz, down, ws);
      if (beside != null) {
        beside.backward(new HeadLoss.Rows(from, to - from, hidden, dz, down), ws);
      }
      kernels.elementwise().copy(down.rows(0, to - from), dh.rows(from, to));
      ws.release(mark);
    }
  }

  /// Rows per chunk.
  public static int chunk(HeadLoss.Weight w, Dtype acc) {
    return Math.min(TILE, w.chunk(acc));
  }

  private static Tensor padded(Tensor h, int rows, Workspace ws, Kernels kernels) {
    Tensor padded = ws.take(h.dtype(), rows, h.cols());
    ws.zero(padded);
    kernels.elementwise().copy(h, padded.rows(0, h.rows()));
    return padded;
  }

  private static Tensor logits(Tensor h, HeadLoss.Weight w, Workspace ws) {
    Tensor logits = ws.take(h.dtype().accumulator(), h.rows(), w.vocabulary());
    w.up().multiply(h, logits, ws);
    return logits;
  }

  /// Rows of logits.
  ///
  /// @param z logits, which become dz
  /// @param known the base's, overwritten
  private record Chunk(Tensor z, Tensor known, Tensor targets, Tensor divergence) {

    void differ(HeadLoss.Logits shape, double weight, Workspace ws, Kernels kernels) {
      int rows = z.rows();
      Elementwise each = kernels.elementwise();
      CrossEntropy softmax = kernels.crossEntropy();
      Tensor lse = ws.take(z.dtype(), rows, 1);
      Tensor knownLse = ws.take(z.dtype(), rows, 1);
      Tensor logprob = ws.take(Dtype.F64, rows, 1);
      Tensor knownLogprob = ws.take(Dtype.F64, rows, 1);
      softmax.forward(z, targets, logprob, lse, null);
      softmax.forward(known, targets, knownLogprob, knownLse, null);
      Tensor probs = ws.take(z.dtype(), rows, z.cols()); // p_B − e_t
      softmax.gradient(known, targets, knownLse, 1, probs);
      each.scale(z, -1);
      each.add(z, known); // D
      each.scale(z, -1);
      Tensor dots = ws.take(z.dtype(), rows, 1);
      kernels.softmaxRows().rowDots(probs, known, 1, dots);
      for (int r = 0; r < rows && !ws.dry(); r++) {
        divergence.put(r, Math.max(0, dots.at(r) + knownLogprob.at(r) - logprob.at(r)));
      }
      Tensor slopes = shape.cap() == 0 ? null : ws.take(z.dtype(), rows, z.cols());
      if (slopes != null) {
        each.copy(z, slopes);
      }
      softmax.gradient(z, targets, lse, 1, z); // p − e_t
      each.scale(probs, -1);
      each.add(probs, z);
      each.scale(z, weight * (slopes == null ? shape.scale() : 1));
      if (slopes != null) {
        kernels.softCap().backward(slopes, z, shape.scale(), shape.cap());
      }
    }
  }
}
