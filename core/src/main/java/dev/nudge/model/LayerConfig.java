package dev.nudge.model;

import dev.nudge.kernel.Attend.Shape;
import dev.nudge.kernel.Glu.Activation;
import org.jspecify.annotations.Nullable;

/// What one decoder layer computes, apart from its numbers; half of today's families alternate
/// between two kinds of layers.
///
/// @param attention heads, scale, window and soft cap
/// @param turning how heads turn with their position; null: they do not
/// @param biases which linear layers have one
/// @param style where norms are, and how projections are laid out
/// @param feed the feed-forward part
public record LayerConfig(
    Shape attention, @Nullable Turning turning, Biases biases, Style style, Feed feed) {
  /// How heads turn.
  ///
  /// @param width dimensions of a head that turn
  public record Turning(RopeParameters rope, int width) {}

  /// Which linear layers have a bias.
  ///
  /// @param qkv of queries, keys and values
  /// @param out of attention's output
  /// @param mlp of the feed-forward part
  public record Biases(boolean qkv, boolean out, boolean mlp) {}

  /// Where norms are, and how projections are laid out.
  ///
  /// @param norms of the halves
  /// @param qkNorm what queries and keys are normalised over
  /// @param packed whether q, k and v are one matrix, and gate and up another
  /// @param residual factor of what either half adds to the stream
  public record Style(Norms norms, QkNorm qkNorm, boolean packed, double residual) {}

  /// The feed-forward part.
  ///
  /// @param inner width between its products
  /// @param activation of its gate
  public record Feed(int inner, Activation activation) {}

  /// What queries and keys are normalised over.
  public enum QkNorm {
    /// They are taken as they are.
    NONE,
    /// Each head by itself, with one weight for all heads.
    HEAD,
    /// All heads together.
    WIDTH
  }

  /// Where the halves of a layer have their norms.
  public enum Norms {
    /// Each reads through a norm.
    BEFORE,
    /// What each gives goes through a norm.
    BEHIND,
    /// Both.
    AROUND
  }

  /// A Llama's layer without biases, whose heads do not turn yet.
  static LayerConfig of(int heads, int keyHeads, int dim, int inner) {
    return new LayerConfig(
        new Shape(heads, keyHeads, dim),
        null,
        new Biases(false, false, false),
        new Style(Norms.BEFORE, QkNorm.NONE, false, 1),
        new Feed(inner, Activation.SILU));
  }

  private LayerConfig with(double scale, int window, double softCap) {
    Shape s =
        new Shape(attention.count(), attention.keyCount(), attention.dim(), scale, window, softCap);
    return new LayerConfig(s, turning, biases, style, feed);
  }

  LayerConfig withWindow(int window) {
    return with(attention.scale(), window, attention.softCap());
  }

  LayerConfig withScale(double scale, double softCap) {
    return with(scale, attention.window(), softCap);
  }

  /// Heads that turn as a whole.
  LayerConfig withRope(RopeParameters rope) {
    return withTurning(new Turning(rope, attention.dim()));
  }

  LayerConfig withTurning(@Nullable Turning other) {
    return new LayerConfig(attention, other, biases, style, feed);
  }

  LayerConfig withBias(boolean qkv, boolean out, boolean mlp) {
    return new LayerConfig(attention, turning, new Biases(qkv, out, mlp), style, feed);
  }

  LayerConfig withNorms(Norms where, QkNorm over) {
    return withStyle(new Style(where, over, style.packed, style.residual));
  }

  LayerConfig withPacked() {
    return withStyle(new Style(style.norms, style.qkNorm, true, style.residual));
  }

  LayerConfig withResidual(double factor) {
    return withStyle(new Style(style.norms, style.qkNorm, style.packed, factor));
  }

  private LayerConfig withStyle(Style other) {
    return new LayerConfig(attention, turning, biases, other, feed);
  }

  LayerConfig withActivation(Activation activation) {
    Feed other = new Feed(feed.inner, activation);
    return new LayerConfig(attention, turning, biases, style, other);
  }

  /// The same kind of layer in other sizes; heads are as wide.
  LayerConfig sized(int heads, int keyHeads, int inner) {
    Shape a = attention;
    Shape s = new Shape(heads, keyHeads, a.dim(), a.scale(), a.window(), a.softCap());
    return new LayerConfig(s, turning, biases, style, new Feed(inner, feed.activation));
  }
}
