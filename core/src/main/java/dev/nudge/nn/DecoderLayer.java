package dev.nudge.nn;

import dev.nudge.tensor.Tensor;

/// One layer of a decoder: normalise, attend, add; normalise, feed forward, add.
///
/// Saved for the backward pass (what is elementwise is recomputed): the stream before each half,
/// 1/rms
/// of its rows, q, k, v, the attention's output and log-sum-exp, gate and up, and what adapters
/// save.
public final class DecoderLayer {
  private final Norm inputNorm;
  private final Attention attention;
  private final Norm postNorm;
  private final Mlp mlp;

  public DecoderLayer(Norm inputNorm, Attention attention, Norm postNorm, Mlp mlp) {
    this.inputNorm = inputNorm;
    this.attention = attention;
    this.postNorm = postNorm;
    this.mlp = mlp;
  }

  private record Saved(Norm.Saved input, Norm.Saved post) implements Tape.Entry {}

  /// Reads the stream and leaves its output pending in it.
  ///
  /// @param inner scratch (rows, inner width), one for all layers
  public void forward(Residual r, Tensor inner, Pass p) {
    int mark = p.ws().mark();
    Norm.Saved input = inputNorm.forward(r, p);
    attention.forward(r.normed(), r.delta(), p);
    r.added();
    Norm.Saved post = postNorm.forward(r, p);
    mlp.forward(r.normed(), r.delta(), inner, p);
    r.added();
    if (p.tape() != null) {
      p.tape().push(new Saved(input, post));
    } else {
      p.ws().release(mark);
    }
  }

  /// Turns the gradient of the stream after this layer into the one before it.
  ///
  /// @param lowest whether nothing below trains: the stream's gradient is then not finished
  public void backward(Residual r, Residual.Gradient g, Tensor inner, boolean lowest, Pass p) {
    p.taped().releaseAbove();
    Saved s = p.taped().pop(Saved.class);
    postNorm.again(s.post(), r.normed(), p);
    mlp.backward(g.low(), g.normed(), inner, p);
    postNorm.backward(s.post(), g, p);
    inputNorm.again(s.input(), r.normed(), p);
    attention.backward(g.low(), lowest ? null : g.normed(), p);
    if (!lowest) {
      inputNorm.backward(s.input(), g, p);
    }
  }

  /// Width between the two products of the feed-forward part.
  public int inner() {
    return mlp.inner();
  }
}
