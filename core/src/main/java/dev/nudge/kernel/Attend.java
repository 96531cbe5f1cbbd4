package dev.nudge.kernel;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;

/// Computes causal attention of one sequence with grouped heads (GQA).
///
///     P = softmax(c·Q·Kᵀ + mask),  O = P·V            c the scale, mostly 1/√dim
///     D = rowsum(dO ∘ O),  dV = Pᵀ·dO,  dS = c·P ∘ (dO·Vᵀ − D),  dQ = dS·K,  dK = dSᵀ·Q
///
/// A soft cap applies to the scores before the mask ([SoftCap]). With a sliding window a query
/// sees the last `window` keys only, its own included. Only the log-sum-exp is kept.
///
/// The forward pass reads keys from a paged KV cache too ([KeyValues]), for prefill; the backward
/// passes read contiguous matrices. All three use the workspace's Gemm for products and other
/// kernels for rows. On a dry workspace they allocate memory and count operations.
public interface Attend {
  /// The attention shape of a layer.
  ///
  /// @param count query heads
  /// @param keyCount key-value heads; a divisor of the query heads
  /// @param dim head dimension
  /// @param scale factor of the scores
  /// @param window keys that a query sees at most, its own included; 0: no sliding window
  /// @param softCap soft cap of the scores; 0: none
  record Shape(int count, int keyCount, int dim, double scale, int window, double softCap) {
    public Shape {
      if (count < 1 || keyCount < 1 || dim < 2 || count % keyCount != 0 || window < 0) {
        throw new IllegalArgumentException(
            count + " heads over " + keyCount + " key-value heads of " + dim);
      }
    }

    /// Full attention, scaled by 1/√dim.
    public Shape(int count, int keyCount, int dim) {
      this(count, keyCount, dim, 1 / Math.sqrt(dim), 0, 0);
    }

    public int group() {
      return count / keyCount;
    }

    public int queryWidth() {
      return count * dim;
    }

    public int keyWidth() {
      return keyCount * dim;
    }

    /// Returns the first key that this position sees.
    public int first(int position) {
      return window == 0 ? 0 : Math.max(0, position - window + 1);
    }
  }

  /// Computes `out` (m, queryWidth) for the last m tokens of a sequence of n tokens.
  ///
  /// @param q (m, queryWidth)
  /// @param kv n keys and values of keyWidth
  /// @param lse (m · count, 1), accumulator type; a block of (m, group) for each key-value head
  void forward(
      Shape h, Tensor q, KeyValues kv, Tensor out, Tensor lse, Workspace ws, Kernels kernels);

  /// Computes dq, dk and dv of a whole sequence, all in the compute type.
  ///
  /// @param k (n, keyWidth)
  /// @param v (n, keyWidth)
  void backward(
      Shape h,
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor out,
      Tensor lse,
      Tensor dOut,
      Tensor dq,
      Tensor dk,
      Tensor dv,
      Workspace ws,
      Kernels kernels);

  /// Computes dq of the last m tokens of a sequence of n tokens, and writes or adds these queries'
  /// share of dk and dv.
  ///
  /// @param dk (keyCount · s, dim) with s ≥ n, accumulator type: s rows for each key-value head,
  ///     the first n written
  /// @param dv like dk
  /// @param add whether to add to dk and dv
  void backwardPart(
      Shape h,
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor out,
      Tensor lse,
      Tensor dOut,
      Tensor dq,
      Tensor dk,
      Tensor dv,
      boolean add,
      Workspace ws,
      Kernels kernels);

  /// Returns the bytes of scratch that a thread takes for `m` queries.
  ///
  /// @param past keys before the first query
  /// @param m queries
  long bytes(Shape h, Dtype compute, int past, int m);

  /// Returns the end, at most `tokens`, of the block of queries that needs most scratch.
  int fullest(Shape h, int tokens);
}
