package dev.nudge.kernel;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import org.jspecify.annotations.Nullable;

/// Fuses the output head with cross-entropy, for labelled rows only and without ever holding the
/// logits of all of them.
///
///     z = h·Wᵀ,  logprob = z_t − logsumexp(z),  dz = (softmax(z) − onehot(t)) · weight,  dh = dz·W
///
/// Rows are taken in chunks whose fp32 logits are a few megabytes. The gradient is made at once in
/// the forward pass and written over the logits, so the backward pass is nothing. With `weight` =
/// 1/(trained tokens of the whole step), gradients of micro-batches and lanes just add up.
///
/// A matrix product gives a row the same bits among any others, but a single row goes another way
/// in oneDNN and adds in another order. So a single row is multiplied in company, or the gradient
/// would depend on how a step was cut.
public final class HeadLoss {
  private static final long CHUNK_BYTES = 16 << 20;

  private HeadLoss() {}

  /// Rows of a chunk for a vocabulary.
  public static int chunk(int vocabulary, Dtype acc) {
    long rows = CHUNK_BYTES / ((long) vocabulary * acc.bytes());
    return (int) Math.clamp(rows / 16 * 16, 16, 1024);
  }

  /// Computes log-probabilities of the targets.
  ///
  /// @param h (n, width) normalised hidden rows
  /// @param w (vocabulary, width)
  /// @param targets (n, 1) I32
  /// @param logprob (n, 1) F64, written
  /// @param argmax (n, 1) I32, written; may be null
  public static void score(
      Tensor h,
      Tensor w,
      Tensor targets,
      Tensor logprob,
      @Nullable Tensor argmax,
      Workspace ws,
      Kernels kernels) {
    run(h, w, targets, 0, logprob, argmax, null, ws, kernels);
  }

  /// Computes log-probabilities and the gradient of −weight · Σ logprob.
  ///
  /// @param dh (n, width) accumulator type, written
  public static void train(
      Tensor h,
      Tensor w,
      Tensor targets,
      double weight,
      Tensor logprob,
      Tensor dh,
      Workspace ws,
      Kernels kernels) {
    run(h, w, targets, weight, logprob, null, dh, ws, kernels);
  }

  private static void run(
      Tensor h,
      Tensor w,
      Tensor targets,
      double weight,
      Tensor logprob,
      @Nullable Tensor argmax,
      @Nullable Tensor dh,
      Workspace ws,
      Kernels kernels) {
    Dtype acc = h.dtype().accumulator();
    int vocabulary = w.rows();
    int step = Math.min(h.rows(), chunk(vocabulary, acc));
    int mark = ws.mark();
    Tensor logits = ws.take(acc, Math.max(2, step), vocabulary);
    Tensor lse = ws.take(acc, step, 1);
    Tensor pair = ws.take(h.dtype(), 2, h.cols());
    Tensor pairGradient = ws.take(acc, 2, h.cols());
    for (int from = 0; from < h.rows(); from += step) {
      int to = Math.min(h.rows(), from + step);
      Tensor z = logits.rows(0, to - from);
      Tensor l = lse.rows(0, to - from);
      Tensor t = targets.rows(from, to);
      boolean single = to - from == 1;
      Tensor all = single ? logits.rows(0, 2) : z;
      if (single) {
        kernels.elementwise().copy(h.rows(from, to), pair.rows(0, 1));
        kernels.elementwise().copy(h.rows(from, to), pair.rows(1, 2));
      }
      ws.gemm().multiply(single ? pair : h.rows(from, to), w.transposed(), all, false);
      kernels
          .crossEntropy()
          .forward(z, t, logprob.rows(from, to), l, argmax == null ? null : argmax.rows(from, to));
      if (dh != null) {
        Tensor dz = overlay(all, h.dtype());
        kernels.crossEntropy().gradient(z, t, l, weight, dz.rows(0, to - from));
        ws.gemm().multiply(dz, w, single ? pairGradient : dh.rows(from, to), false);
        if (single) {
          kernels.elementwise().copy(pairGradient.rows(0, 1), dh.rows(from, to));
        }
      }
    }
    ws.release(mark);
  }

  /// The memory of `z` seen as rows of a type that is no wider, each starting where z's row starts.
  private static Tensor overlay(Tensor z, Dtype dtype) {
    int ratio = z.dtype().bytes() / dtype.bytes();
    return Tensor.of(z.data(), dtype, z.rows(), (long) z.cols() * ratio).cols(0, z.cols());
  }
}
