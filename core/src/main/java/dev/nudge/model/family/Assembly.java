package dev.nudge.model.family;

import dev.nudge.model.family.LayerConfig.Norms;
import dev.nudge.model.family.LayerConfig.QkNorm;
import dev.nudge.model.rope.Turning;
import dev.nudge.nn.Embedding;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Norm;
import dev.nudge.nn.SplitLinear;
import dev.nudge.nn.layer.Attention;
import dev.nudge.nn.layer.Body;
import dev.nudge.nn.layer.DecoderLayer;
import dev.nudge.nn.layer.Experts;
import dev.nudge.nn.layer.Mlp;
import dev.nudge.nn.layer.ResidualBlock;
import dev.nudge.nn.layer.Sinks;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Builds a decoder from the tensor names and layer order that nearly all families share.
public final class Assembly {
  private Assembly() {}

  /// Puts a layer together.
  static DecoderLayer layer(ModelConfig config, int i, Parts p) {
    QkNorm norm = config.layers().get(i).style().qkNorm();
    return layer(config, i, () -> attention(config, i, AttentionNames.of(norm), p), p);
  }

  /// Puts a layer together whose first body is another.
  static DecoderLayer layer(ModelConfig config, int i, Supplier<Body> first, Parts p) {
    LayerConfig layer = config.layers().get(i);
    Norms norms = layer.style().norms();
    String path = "layers." + i + ".";
    return new DecoderLayer(
        new ResidualBlock(
            norm(config, path, norms.beforeAttention(), p),
            first.get(),
            norm(config, path, norms.behindAttention(), p),
            layer.style().residual()),
        new ResidualBlock(
            norm(config, path, norms.beforeMlp(), p),
            feed(config, i, p),
            norm(config, path, norms.behindMlp(), p),
            layer.style().residual()));
  }

  private static @Nullable Norm norm(
      ModelConfig config, String path, @Nullable String name, Parts p) {
    return name == null ? null : p.norm(path + name, config.hiddenSize());
  }

  /// Names of the attention's parts that differ between families.
  record AttentionNames(String out, String queryNorm, String keyNorm) {
    private static AttentionNames of(QkNorm norm) {
      return norm == QkNorm.TURNED_HEAD
          ? new AttentionNames("o_proj", "query_layernorm", "key_layernorm")
          : new AttentionNames("o_proj", "q_norm", "k_norm");
    }
  }

  static Attention attention(ModelConfig config, int i, AttentionNames names, Parts p) {
    LayerConfig layer = config.layers().get(i);
    String path = "layers." + i + ".self_attn.";
    int width = config.hiddenSize();
    int q = layer.attention().queryWidth();
    int k = layer.attention().keyWidth();
    boolean gated = layer.style().gated();
    SplitLinear qkv =
        layer.style().fused().qkv()
            ? SplitLinear.packed(
                p.linear(path + "qkv_proj", q + 2 * k, width, layer.biases().qkv()), q, k, k)
            : SplitLinear.of(
                p.linear(path + "q_proj", gated ? 2 * q : q, width, layer.biases().qkv()),
                p.linear(path + "k_proj", k, width, layer.biases().qkv()),
                p.linear(path + "v_proj", k, width, layer.biases().qkv()));
    LinearSlot o = p.linear(path + names.out(), width, q, layer.biases().out());
    Attention.Norms norms = qkNorms(layer, path, names, p);
    Sinks sinks = layer.style().sinks() ? p.sinks(path + "sinks", layer.attention().count()) : null;
    Turning turning = layer.turning();
    return new Attention(
        config.cacheIndex(i),
        layer.attention(),
        p.rotary(turning),
        p.rotary(turning == null ? null : turning.ofKeys()),
        qkv,
        o,
        norms,
        sinks,
        gated);
  }

  private static Attention.@Nullable Norms qkNorms(
      LayerConfig layer, String path, AttentionNames names, Parts p) {
    if (layer.style().qkNorm() == QkNorm.NONE) {
      return null;
    }
    boolean whole = layer.style().qkNorm() == QkNorm.WIDTH;
    int dim = layer.attention().dim();
    return new Attention.Norms(
        p.norm(path + names.queryNorm(), whole ? layer.attention().queryWidth() : dim),
        p.norm(path + names.keyNorm(), whole ? layer.attention().keyWidth() : dim),
        whole,
        layer.style().qkNorm() == QkNorm.TURNED_HEAD,
        layer.style().clip());
  }

  private static Body feed(ModelConfig config, int i, Parts p) {
    LayerConfig layer = config.layers().get(i);
    MoeConfig mixture = layer.feed().mixture();
    return mixture == null
        ? mlp(config, "layers." + i + ".mlp.", layer, layer.feed().inner(), p)
        : experts(config, i, mixture, p);
  }

  private static Mlp mlp(ModelConfig config, String path, LayerConfig layer, int inner, Parts p) {
    int width = config.hiddenSize();
    boolean bias = layer.biases().mlp();
    SplitLinear gateUp =
        layer.style().fused().gateUp()
            ? SplitLinear.packed(
                p.linear(path + "gate_up_proj", 2 * inner, width, bias), inner, inner)
            : SplitLinear.of(
                p.linear(path + "gate_proj", inner, width, bias),
                p.linear(path + "up_proj", inner, width, bias));
    return new Mlp(
        gateUp, p.linear(path + "down_proj", width, inner, bias), layer.feed().activation());
  }

  private static Experts experts(ModelConfig config, int i, MoeConfig m, Parts p) {
    LayerConfig layer = config.layers().get(i);
    MoeConfig.Names names = m.names();
    int width = config.hiddenSize();
    String path = "layers." + i + "." + names.module() + ".";
    String stored = "layers." + i + "." + names.block() + ".";
    boolean bias = m.clamp() != null;
    LinearSlot router =
        p.linear(path + names.choosing(), stored + names.router(), m.experts(), width, bias);
    List<Mlp> experts = new ArrayList<>();
    for (int e = 0; e < m.experts(); e++) {
      String own = path + "experts." + e + ".";
      String parts = stored + "experts." + e + ".";
      LinearSlot gateUp =
          names.gate().equals(names.up())
              ? p.linear(own + "gate_up_proj", parts + names.gate(), 2 * m.inner(), width, bias)
              : p.joined(
                  own + "gate_up_proj",
                  List.of(parts + names.gate(), parts + names.up()),
                  m.inner(),
                  width);
      LinearSlot down = p.linear(own + "down_proj", parts + names.down(), width, m.inner(), bias);
      experts.add(
          new Mlp(
              SplitLinear.packed(gateUp, m.inner(), m.inner()),
              down,
              layer.feed().activation(),
              m.clamp()));
    }
    Experts.SharedExpert shared =
        m.shared() == 0
            ? null
            : new Experts.SharedExpert(
                mlp(config, path + "shared_expert.", layer, m.shared(), p),
                p.linear(path + "shared_expert_gate", 1, width, false));
    return new Experts(i, router, experts, m.rule(), m.chosen(), shared);
  }

  public static Embedding embedding(ModelConfig config, Parts p) {
    return p.embedding("embed_tokens", config.vocabSize(), config.hiddenSize());
  }

  /// The final norm.
  public static Norm norm(ModelConfig config, Parts p) {
    return p.norm(config.family().finalNorm(), config.hiddenSize());
  }

  /// An output head that is not tied to the embedding.
  public static LinearSlot head(ModelConfig config, Parts p) {
    return p.head(config.vocabSize(), config.hiddenSize());
  }
}
