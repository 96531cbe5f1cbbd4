package dev.nudge;

import dev.nudge.kernel.Attend;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/// Writes the parts of a Llama as formulas for libtorch: what the library fuses stands here as it
/// stands in a paper.
public final class TorchLlama {
  private TorchLlama() {}

  /// Causal attention of the last rows of one sequence, q (m, queryWidth), k and v (n, keyWidth).
  public static Tensor attention(Attend.Shape h, Tensor q, Tensor k, Tensor v) {
    long m = q.size(0);
    long n = k.size(0);
    Tensor mask =
        torch
            .full(
                new long[] {m, n},
                Torch.scalar(Double.NEGATIVE_INFINITY),
                new TensorOptions(ScalarType.Double))
            .triu(n - m + 1);
    if (h.window() > 0) {
      mask =
          mask.add(
              torch
                  .full(
                      new long[] {m, n},
                      Torch.scalar(Double.NEGATIVE_INFINITY),
                      new TensorOptions(ScalarType.Double))
                  .tril(n - m - h.window()));
    }
    TensorVector outputs = new TensorVector();
    for (int head = 0; head < h.count(); head++) {
      int shared = head / h.group();
      Tensor qh = q.narrow(1, (long) head * h.dim(), h.dim());
      Tensor kh = k.narrow(1, (long) shared * h.dim(), h.dim());
      Tensor vh = v.narrow(1, (long) shared * h.dim(), h.dim());
      Tensor scores = qh.matmul(kh.t()).mul(Torch.scalar(h.scale()));
      if (h.softCap() > 0) {
        Tensor small = scores.div(Torch.scalar(h.softCap()));
        scores = small.tanh().mul(Torch.scalar(h.softCap()));
      }
      outputs.push_back(torch.softmax(scores.add(mask), 1).matmul(vh));
    }
    return torch.cat(outputs, 1);
  }

  /// x / rms(x) · w.
  public static Tensor rmsNorm(Tensor x, Tensor w, double eps) {
    Tensor mean = x.square().mean(new long[] {1}, true, new ScalarTypeOptional());
    return x.mul(mean.add(Torch.scalar(eps)).rsqrt()).mul(w);
  }

  /// Rotary positions from 0 on of one sequence; pairs are half a head apart.
  ///
  /// @param frequencies (1, dim/2)
  public static Tensor rotated(Tensor x, int dim, Tensor frequencies) {
    long n = x.size(0);
    int half = dim / 2;
    Tensor angles =
        torch
            .arange(Torch.scalar(n), new TensorOptions(ScalarType.Double))
            .unsqueeze(1)
            .mul(frequencies)
            .unsqueeze(1); // (n, 1, half)
    Tensor heads = x.reshape(n, x.size(1) / dim, dim);
    Tensor a = heads.narrow(2, 0, half);
    Tensor b = heads.narrow(2, half, half);
    Tensor cos = angles.cos();
    Tensor sin = angles.sin();
    return torch
        .cat(new TensorVector(a.mul(cos).sub(b.mul(sin)), b.mul(cos).add(a.mul(sin))), 2)
        .reshape(n, x.size(1));
  }
}
