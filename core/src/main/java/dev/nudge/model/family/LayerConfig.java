package dev.nudge.model.family;

import dev.nudge.kernel.Attend.Shape;
import dev.nudge.kernel.DeltaRule;
import dev.nudge.kernel.Glu.Activation;
import dev.nudge.model.rope.RopeParameters;
import dev.nudge.model.rope.Turning;
import dev.nudge.nn.KvPool;
import dev.nudge.tensor.Dtype;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The architecture of one decoder layer; half of today's families alternate between two kinds.
///
/// @param attention heads, scale, sliding window and soft cap
/// @param turning RoPE of queries and keys; null: no positional encoding
/// @param biases which linear layers have a bias
/// @param style where norms are, and whether projections are fused
/// @param feed the MLP
/// @param recurrence replaces attention, with a state; null: attention
public record LayerConfig(
    Shape attention,
    @Nullable Turning turning,
    Biases biases,
    Style style,
    Feed feed,
    @Nullable Recurrence recurrence) {
  /// Replaces attention: carries a fixed-size state from token to token.
  public sealed interface Recurrence {
    /// Shapes of the state of a sequence.
    ///
    /// @param layer index among the recurrent layers
    List<KvPool.StateShape> state(int layer, int hidden, Dtype compute);

    /// Columns of the scratch that a pass needs.
    int scratch(int hidden);
  }

  /// A gated short convolution: its state is its last inputs.
  ///
  /// @param taps length of the convolution, at least 2
  /// @param bias whether the convolution and its projections have one
  public record ShortConvolution(int taps, boolean bias) implements Recurrence {
    @Override
    public List<KvPool.StateShape> state(int layer, int hidden, Dtype compute) {
      return List.of(new KvPool.StateShape(layer, compute, taps - 1, hidden));
    }

    @Override
    public int scratch(int hidden) {
      return hidden;
    }
  }

  /// A gated delta rule: its state is the last inputs of its convolution, and a matrix a head with
  /// the rows since the last chunk.
  ///
  /// @param taps length of the convolution, at least 2
  public record GatedDelta(DeltaRule.Shape shape, int taps) implements Recurrence {
    @Override
    public List<KvPool.StateShape> state(int layer, int hidden, Dtype compute) {
      Dtype type = DeltaRule.stateType(compute);
      int heads = shape.valueHeads();
      int chunk = DeltaRule.CHUNK;
      return List.of(
          new KvPool.StateShape(layer, compute, taps - 1, shape.columns()),
          new KvPool.StateShape(layer, type, heads * shape.keyDim(), shape.valueDim()),
          new KvPool.StateShape(layer, type, shape.keyHeads() * shape.keyDim(), chunk),
          new KvPool.StateShape(layer, type, heads * chunk, shape.valueDim()),
          new KvPool.StateShape(layer, Dtype.F64, heads, 1 + chunk));
    }

    @Override
    public int scratch(int hidden) {
      return shape.outputs();
    }
  }

  /// Which linear layers have a bias.
  ///
  /// @param qkv of queries, keys and values
  /// @param out of the attention's output projection
  /// @param mlp of the MLP
  public record Biases(boolean qkv, boolean out, boolean mlp) {}

  /// Where norms are, and whether projections are fused.
  ///
  /// @param norms around attention and MLP
  /// @param qkNorm the dimensions of the QK norm
  /// @param fused which projections are one matrix
  /// @param residual factor of the outputs of attention and MLP
  /// @param clip with QK norm: bound of queries, keys and values; 0: none
  /// @param sinks whether each head has an attention sink logit
  /// @param gated whether the query projection also computes a gate of each head's output
  public record Style(
      Norms norms,
      QkNorm qkNorm,
      Fused fused,
      double residual,
      double clip,
      boolean sinks,
      boolean gated) {}

  /// The MLP.
  ///
  /// @param inner intermediate size of a dense MLP
  /// @param activation of the gate
  /// @param mixture experts instead; null: a dense MLP
  public record Feed(int inner, Activation activation, @Nullable MoeConfig mixture) {
    Feed(int inner, Activation activation) {
      this(inner, activation, null);
    }

    private int scratch(int hidden) {
      return mixture == null
          ? inner
          : (mixture.chosen() + 1) * hidden + Math.max(mixture.inner(), mixture.shared());
    }
  }

  /// The dimensions of the QK norm.
  public enum QkNorm {
    /// No QK norm.
    NONE,
    /// Over each head, with one weight for all heads.
    HEAD,
    /// Per head, after RoPE.
    TURNED_HEAD,
    /// Over all heads together.
    WIDTH
  }

  /// Which projections are one matrix.
  public enum Fused {
    NONE,
    /// Gate and up.
    GATE_UP,
    /// Gate and up; and q, k and v.
    ALL;

    /// Whether q, k and v are one matrix.
    public boolean qkv() {
      return this == ALL;
    }

    /// Whether gate and up are one matrix.
    public boolean gateUp() {
      return this != NONE;
    }
  }

  /// The places of norms around attention and MLP, and their names in the layer.
  ///
  /// `post_attention_layernorm` is after attention or before the MLP.
  public enum Norms {
    /// Before: attention and MLP read a normalised input (pre-norm).
    BEFORE("input_layernorm", null, "post_attention_layernorm", null),
    /// After: the output of attention and MLP is normalised (post-norm).
    BEHIND(null, "post_attention_layernorm", null, "post_feedforward_layernorm"),
    /// Both.
    AROUND(
        "input_layernorm",
        "post_attention_layernorm",
        "pre_feedforward_layernorm",
        "post_feedforward_layernorm"),
    /// Both, by the names of GLM-4.
    AROUND_GLM(
        "input_layernorm",
        "post_self_attn_layernorm",
        "post_attention_layernorm",
        "post_mlp_layernorm");

    private final @Nullable String beforeAttention;
    private final @Nullable String behindAttention;
    private final @Nullable String beforeMlp;
    private final @Nullable String behindMlp;

    Norms(
        @Nullable String beforeAttention,
        @Nullable String behindAttention,
        @Nullable String beforeMlp,
        @Nullable String behindMlp) {
      this.beforeAttention = beforeAttention;
      this.behindAttention = behindAttention;
      this.beforeMlp = beforeMlp;
      this.behindMlp = behindMlp;
    }

    /// The norm of attention's input; null: none.
    public @Nullable String beforeAttention() {
      return beforeAttention;
    }

    /// The norm of attention's output; null: none.
    public @Nullable String behindAttention() {
      return behindAttention;
    }

    /// The norm of the MLP's input; null: none.
    public @Nullable String beforeMlp() {
      return beforeMlp;
    }

    /// The norm of the MLP's output; null: none.
    public @Nullable String behindMlp() {
      return behindMlp;
    }
  }

  /// A decoder layer as in Llama, without biases; its RoPE is not set yet.
  static LayerConfig of(int heads, int keyHeads, int dim, int inner) {
    return new LayerConfig(
        new Shape(heads, keyHeads, dim),
        null,
        new Biases(false, false, false),
        new Style(Norms.BEFORE, QkNorm.NONE, Fused.NONE, 1, 0, false, false),
        new Feed(inner, Activation.SILU),
        null);
  }

  /// Columns of the scratch that a pass needs.
  public int scratch(int hidden) {
    int first = style.gated ? attention.queryWidth() : 0;
    return Math.max(feed.scratch(hidden), recurrence == null ? first : recurrence.scratch(hidden));
  }

  private LayerConfig with(double scale, int window, double softCap) {
    Shape s =
        new Shape(attention.count(), attention.keyCount(), attention.dim(), scale, window, softCap);
    return new LayerConfig(s, turning, biases, style, feed, recurrence);
  }

  LayerConfig withWindow(int window) {
    return with(attention.scale(), window, attention.softCap());
  }

  LayerConfig withScale(double scale, double softCap) {
    return with(scale, attention.window(), softCap);
  }

  /// Returns this layer with queries that grow with their position.
  LayerConfig withQueryGrowth(double beta, int original) {
    return turning == null
        ? this
        : withTurning(
            new Turning(
                turning.rope(),
                turning.width(),
                turning.pairing(),
                new Turning.QueryGrowth(beta, original)));
  }

  /// Returns this layer with RoPE over the whole head.
  LayerConfig withRope(RopeParameters rope) {
    return withTurning(new Turning(rope, attention.dim()));
  }

  LayerConfig withTurning(@Nullable Turning other) {
    return new LayerConfig(attention, other, biases, style, feed, recurrence);
  }

  LayerConfig withBias(boolean qkv, boolean out, boolean mlp) {
    return new LayerConfig(attention, turning, new Biases(qkv, out, mlp), style, feed, recurrence);
  }

  LayerConfig withNorms(Norms where, QkNorm over) {
    Style s = style;
    return withStyle(new Style(where, over, s.fused, s.residual, s.clip, s.sinks, s.gated));
  }

  LayerConfig withFused(Fused fused) {
    Style s = style;
    return withStyle(new Style(s.norms, s.qkNorm, fused, s.residual, s.clip, s.sinks, s.gated));
  }

  LayerConfig withResidual(double factor) {
    Style s = style;
    return withStyle(new Style(s.norms, s.qkNorm, s.fused, factor, s.clip, s.sinks, s.gated));
  }

  LayerConfig withClip(double bound) {
    Style s = style;
    return withStyle(new Style(s.norms, s.qkNorm, s.fused, s.residual, bound, s.sinks, s.gated));
  }

  LayerConfig withSinks() {
    Style s = style;
    return withStyle(new Style(s.norms, s.qkNorm, s.fused, s.residual, s.clip, true, s.gated));
  }

  LayerConfig withGate() {
    Style s = style;
    return withStyle(new Style(s.norms, s.qkNorm, s.fused, s.residual, s.clip, s.sinks, true));
  }

  private LayerConfig withStyle(Style other) {
    return new LayerConfig(attention, turning, biases, other, feed, recurrence);
  }

  LayerConfig withInner(int inner) {
    Feed other = new Feed(inner, feed.activation, feed.mixture);
    return new LayerConfig(attention, turning, biases, style, other, recurrence);
  }

  LayerConfig withActivation(Activation activation) {
    Feed other = new Feed(feed.inner, activation, feed.mixture);
    return new LayerConfig(attention, turning, biases, style, other, recurrence);
  }

  LayerConfig withRecurrence(Recurrence other) {
    return new LayerConfig(attention, turning, biases, style, feed, other);
  }

  LayerConfig withMixture(MoeConfig mixture) {
    Feed other = new Feed(feed.inner, feed.activation, mixture);
    return new LayerConfig(attention, turning, biases, style, other, recurrence);
  }

  /// Returns this kind of layer in other sizes; the head size stays.
  LayerConfig sized(int heads, int keyHeads, int inner) {
    Shape a = attention;
    Shape s = new Shape(heads, keyHeads, a.dim(), a.scale(), a.window(), a.softCap());
    Feed other = new Feed(inner, feed.activation, feed.mixture);
    return new LayerConfig(s, turning, biases, style, other, recurrence);
  }
}
