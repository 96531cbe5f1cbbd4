package dev.nudge.nn.layer;

import dev.nudge.nn.Linear;
import dev.nudge.nn.Norm;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Recompute;
import dev.nudge.nn.Residual;
import dev.nudge.nn.Tape;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// One decoder layer: an attention half and a feed-forward half, with gradient checkpointing.
///
/// The [Recompute] level selects the activations to keep; the backward pass recomputes the others
/// into scratch, bit-identical. Bytes kept for each token in bf16, with d the stream's width, m the
/// inner one, Q and K the widths of queries and keys, h query heads, R and S the LoRA ranks on
/// attention and feed-forward part (a norm after a half keeps 2d + 4 more with it; down to
/// ALL_BUT_ATTENTION a second body keeps its [Body.Activations] too):
///
///     NONE               8 + 4d + 4Q + 4K + 4h + 2R + 4m + 2S
///     GATE_UP            8 + 4d + 4Q + 4K + 4h + 2R
///     ALL_BUT_ATTENTION  4 + 2d + 2Q + 4h
///     EVERYTHING         4 + 2d
///     OFFLOADED          4, and 2d in the file
public final class DecoderLayer {
  private final ResidualBlock first;
  private final ResidualBlock second;

  public DecoderLayer(ResidualBlock first, ResidualBlock second) {
    this.first = first;
    this.second = second;
  }

  /// Activations that a layer kept; `post`, `attended` or `fed` is null if it was not kept.
  private record Saved(
      Recompute level,
      Norm.Saved input,
      Norm.@Nullable Saved post,
      Body.@Nullable Activations attended,
      Body.@Nullable Activations fed)
      implements Tape.Entry {}

  /// Computes the layer; its output is left pending in the residual stream.
  ///
  /// @param inner scratch (rows, inner width), one for all layers
  /// @param level activations to keep; without a tape none
  public void forward(Residual r, Tensor inner, Recompute level, Pass p) {
    Workspace ws = p.ws();
    int start = ws.mark();
    Norm.Saved input = first.enter(r, kept(r, level == Recompute.OFFLOADED, p), p);
    if (p.tape() == null) {
      first.run(r, inner, first.kept(r, ws), p);
      second.enter(r, r.x(), p);
      second.run(r, inner, second.kept(r, ws), p);
      ws.release(start);
    } else if (level.keepsMiddle()) {
      Body.Activations attended = first.kept(r, ws);
      first.run(r, inner, attended, p);
      Norm.Saved post = second.enter(r, kept(r, false, p), p);
      Body.Activations fed = second.kept(r, ws);
      int mark = ws.mark();
      if (level == Recompute.NONE) {
        second.run(r, inner, fed, p);
      } else {
        second.run(r, inner, fed, p.withoutTape());
        ws.release(mark);
      }
      p.tape().push(new Saved(level, input, post, attended, fed));
    } else if (level == Recompute.ALL_BUT_ATTENTION) {
      Body.Activations attended = first.kept(r, ws);
      Body.Activations fed = second.kept(r, ws);
      through(r, inner, attended, fed, p);
      p.tape().push(new Saved(level, input, null, attended, fed));
    } else {
      through(r, inner, null, null, p);
      p.tape().push(new Saved(level, input, null, null, null));
    }
  }

  /// Runs both halves and keeps only the given activations.
  private void through(
      Residual r,
      Tensor inner,
      Body.@Nullable Activations attended,
      Body.@Nullable Activations fed,
      Pass p) {
    Workspace ws = p.ws();
    int mark = ws.mark();
    first.run(r, inner, attended == null ? first.kept(r, ws) : attended, p.withoutTape());
    ws.release(mark);
    second.enter(r, r.spare(), p);
    second.run(r, inner, fed == null ? second.kept(r, ws) : fed, p.withoutTape());
    ws.release(mark);
  }

  /// Chooses the buffer of the stream's next sum: null if nothing is pending, x itself without a
  /// tape.
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

  /// Computes the gradient of the stream before this layer from that after it.
  ///
  /// @param lowest whether nothing below trains: then the stream's gradient is left incomplete and
  ///     not computed below the first body unless its norm trains
  public void backward(Residual r, Residual.Gradient g, Tensor inner, boolean lowest, Pass p) {
    p.taped().releaseAbove();
    Saved s = p.taped().pop(Saved.class);
    Norm.Saved post = restored(s, r, g, inner, p);
    Linear.Gradients feed = second.backward(g, g.normed(), inner, p);
    second.enterBackward(post, g, r.branch(), p);
    feed.add(r.branch());
    p.taped().releaseAbove();
    boolean ends = lowest && !first.entryTrains();
    Linear.Gradients attend = first.backward(g, ends ? null : g.normed(), inner, p);
    if (ends) {
      first.enterAgain(s.input(), r.branch(), p);
    } else {
      first.enterBackward(s.input(), g, r.branch(), p);
    }
    attend.add(r.branch());
  }

  /// Recomputes tape and buffers to their state after a forward pass that kept everything.
  private Norm.Saved restored(Saved s, Residual r, Residual.Gradient g, Tensor inner, Pass p) {
    Norm.Saved post = s.post();
    if (s.level() == Recompute.NONE && post != null) {
      return post;
    }
    if (post == null) {
      post = middle(s, r, g, inner, p);
    } else {
      second.enterAgain(post, r.branch(), p);
    }
    second.saveAgain(r, inner, s.fed(), p);
    return post;
  }

  /// Recomputes the first half, up to the input of the second half.
  private Norm.Saved middle(Saved s, Residual r, Residual.Gradient g, Tensor inner, Pass p) {
    Workspace ws = p.ws();
    first.enterAgain(s.input(), r.branch(), p);
    Body.Activations kept = s.attended();
    if (kept == null) {
      first.run(r, inner, first.kept(r, ws), p);
    } else {
      first.runAgain(r, inner, kept, p);
    }
    Tensor x = s.input().x();
    r.back(x);
    boolean free = g.lowOrNull() == null; // else the rounded gradient is in the spare buffer
    return second.enter(r, free ? r.spare() : ws.take(x.dtype(), x.rows(), x.cols()), p);
  }

  /// Enables prefetching, see [Body#askAhead].
  public void askAhead() {
    second.body().askAhead();
  }

  /// Visits the parameters that train.
  public void parameters(Consumer<Parameter> each) {
    first.parameters(each);
    second.parameters(each);
  }

  /// Columns of the `inner` scratch that a pass needs.
  public int inner() {
    return Math.max(first.body().inner(), second.body().inner());
  }
}
