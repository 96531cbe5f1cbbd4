package dev.nudge.nn;

import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// One layer of a decoder: normalise, attend, add; normalise, feed forward, add.
///
/// A level of [Recompute] says what is kept for the backward pass. Where something was not kept,
/// the backward pass first runs a part of the layer again into scratch, to the same bytes, and then
/// goes on as if it had been kept. Bytes kept for a token, with d the stream's width, m the inner
/// one, Q and K the widths of queries and keys, h query heads, R and S the ranks on attention and
/// feed-forward part, in bf16:
///
///     NONE               8 + 4d + 4Q + 4K + 4h + 2R + 4m + 2S
///     GATE_UP            8 + 4d + 4Q + 4K + 4h + 2R
///     ALL_BUT_ATTENTION  4 + 2d + 2Q + 4h
///     EVERYTHING         4 + 2d
///     OFFLOADED          4, and 2d in the file
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

  /// What a layer kept; where `post` or `output` is null it was not.
  private record Saved(
      Recompute level,
      Norm.Saved input,
      Norm.@Nullable Saved post,
      Attention.@Nullable Output output)
      implements Tape.Entry {}

  /// Reads the stream and leaves its output pending in it.
  ///
  /// @param inner scratch (rows, inner width), one for all layers
  /// @param level what to keep; without a tape nothing is kept
  public void forward(Residual r, Tensor inner, Recompute level, Pass p) {
    Workspace ws = p.ws();
    int start = ws.mark();
    Norm.Saved input = inputNorm.forward(r, kept(r, level == Recompute.OFFLOADED, p), p);
    if (p.tape() == null) {
      attend(r, attention.output(r.branch(), ws), p);
      postNorm.forward(r, r.x(), p);
      feedForward(r, inner, p);
      ws.release(start);
    } else if (level.keepsMiddle()) {
      Attention.Output output = attention.output(r.branch(), ws);
      attend(r, output, p);
      Norm.Saved post = postNorm.forward(r, kept(r, false, p), p);
      int mark = ws.mark();
      if (level == Recompute.NONE) {
        feedForward(r, inner, p);
      } else {
        feedForward(r, inner, p.withoutTape());
        ws.release(mark);
      }
      p.tape().push(new Saved(level, input, post, output));
    } else {
      int mark = ws.mark();
      Attention.Output output = attention.output(r.branch(), ws);
      boolean keeps = level == Recompute.ALL_BUT_ATTENTION;
      mark = keeps ? ws.mark() : mark;
      attend(r, output, p.withoutTape());
      ws.release(mark);
      postNorm.forward(r, r.spare(), p);
      feedForward(r, inner, p.withoutTape());
      ws.release(mark);
      p.tape().push(new Saved(level, input, null, keeps ? output : null));
    }
  }

  /// Where the stream goes on: nowhere where nothing is pending, in place where nobody needs it as
  /// it was.
  private static @Nullable Tensor kept(Residual r, boolean offloaded, Pass p) {
    Tensor x = r.x();
    if (!r.pending()) {
      return null;
    }
    if (p.tape() == null) {
      return x;
    }
    return offloaded
        ? p.ws().offload(x.dtype(), x.rows(), x.cols())
        : p.ws().take(x.dtype(), x.rows(), x.cols());
  }

  private void attend(Residual r, Attention.Output output, Pass p) {
    attention.forward(r.branch(), r.branch(), output, p);
    r.added();
  }

  private void feedForward(Residual r, Tensor inner, Pass p) {
    mlp.forward(r.branch(), r.branch(), inner, p);
    r.added();
  }

  /// Turns the gradient of the stream after this layer into the one before it.
  ///
  /// @param lowest whether nothing below trains: the stream's gradient is then not finished, nor
  ///     begun below q, k and v unless their norm trains
  public void backward(Residual r, Residual.Gradient g, Tensor inner, boolean lowest, Pass p) {
    p.taped().releaseAbove();
    Saved s = p.taped().pop(Saved.class);
    Norm.Saved post = restored(s, r, g, inner, p);
    Linear.Gradients feed = mlp.backward(g.low(), g.normed(), inner, p);
    postNorm.backward(post, g, r.branch(), p);
    feed.add(r.branch());
    p.taped().releaseAbove();
    boolean ends = lowest && inputNorm.trained() == null;
    Linear.Gradients attend = attention.backward(g.low(), ends ? null : g.normed(), p);
    if (ends) {
      inputNorm.again(s.input(), r.branch(), p);
    } else {
      inputNorm.backward(s.input(), g, r.branch(), p);
    }
    attend.add(r.branch());
  }

  /// Brings tape and buffers to where they are behind a forward pass that kept all.
  private Norm.Saved restored(Saved s, Residual r, Residual.Gradient g, Tensor inner, Pass p) {
    Norm.Saved post = s.post();
    if (s.level() == Recompute.NONE && post != null) {
      return post;
    }
    if (post == null) {
      post = middle(s, r, g, p);
    } else {
      postNorm.again(post, r.branch(), p);
    }
    mlp.again(r.branch(), inner, p);
    return post;
  }

  /// Runs the first half again, up to the normalised stream that the second one reads.
  private Norm.Saved middle(Saved s, Residual r, Residual.Gradient g, Pass p) {
    Workspace ws = p.ws();
    inputNorm.again(s.input(), r.branch(), p);
    Attention.Output output = s.output();
    if (output == null) {
      attention.forward(r.branch(), r.branch(), attention.output(r.branch(), ws), p);
    } else {
      attention.again(r.branch(), r.branch(), output, p);
    }
    Tensor x = s.input().x();
    r.back(x);
    boolean free = g.lowOrNull() == null; // else the rounded gradient is in the spare buffer
    return postNorm.forward(r, free ? r.spare() : ws.take(x.dtype(), x.rows(), x.cols()), p);
  }

  /// Visits the parameters that train.
  public void parameters(Consumer<Parameter> each) {
    visit(inputNorm, each);
    attention.parameters(each);
    visit(postNorm, each);
    mlp.parameters(each);
  }

  private static void visit(Norm norm, Consumer<Parameter> each) {
    Parameter trained = norm.trained();
    if (trained != null) {
      each.accept(trained);
    }
  }

  /// Width between the two products of the feed-forward part.
  public int inner() {
    return mlp.inner();
  }
}
