package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.kernel.Glu;
import dev.nudge.model.family.ConfigReader.Defaults;
import dev.nudge.nn.SplitLinear;
import dev.nudge.nn.layer.Body;
import dev.nudge.nn.layer.DecoderLayer;
import dev.nudge.nn.layer.Mlp;
import dev.nudge.nn.layer.ResidualBlock;
import dev.nudge.nn.layer.ShortConvolution;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// LFM2: most layers have a gated short convolution in attention's place, the others attention with
/// QK-norm. Its parts have other names than Llama's.
record Lfm2() implements Family {
  private static final Defaults DEFAULTS =
      new Defaults(2560, 12288, 32, 32, 8, 0, 65536, 128000, 1e-5, true, 1e6, List.of(2), 0);

  private static final Assembly.AttentionNames NAMES =
      new Assembly.AttentionNames("out_proj", "q_layernorm", "k_layernorm");

  @Override
  public List<String> modelTypes() {
    return List.of("lfm2");
  }

  @Override
  public String architecture() {
    return "Lfm2ForCausalLM";
  }

  @Override
  public String finalNorm() {
    return "embedding_norm";
  }

  @Override
  public ModelConfig read(ConfigJson c, @Nullable ConfigJson generation) {
    ConfigReader r = new ConfigReader(c, generation, DEFAULTS).withEps("norm_eps");
    LayerConfig attention =
        r.layer().withInner(inner(c)).withNorms(LayerConfig.Norms.BEFORE, LayerConfig.QkNorm.HEAD);
    LayerConfig convolution =
        attention.withRecurrence(
            new LayerConfig.ShortConvolution(
                c.whole("conv_L_cache", 3, 64), c.flag("conv_bias", false)));
    boolean listed = c.has("full_attn_idxs") && !c.has("layer_types");
    Set<Integer> attending = listed ? attending(c, r.depth()) : Set.of();
    boolean[] convolves = r.ofType("conv", "full_attention", i -> listed && !attending.contains(i));
    ModelConfig config = r.model(this, r.recurrent(convolution, attention, convolves));
    boolean tied = c.flag("tie_embedding", config.tieWordEmbeddings());
    return config.withTokens(tied, config.eosTokenIds());
  }

  /// The MLP's width: two thirds of the given one, rounded up to whole blocks.
  private static int inner(ConfigJson c) {
    int given = c.whole("intermediate_size", DEFAULTS.inner(), ConfigReader.MOST_SIZE);
    given = c.whole("block_ff_dim", given, ConfigReader.MOST_SIZE);
    if (!c.flag("block_auto_adjust_ff_dim", true)) {
      return given;
    }
    int block = c.whole("block_multiple_of", 256, ConfigReader.MOST_SIZE);
    int width = (int) (c.positive("block_ffn_dim_multiplier", 1.0) * (2 * given / 3));
    return Math.ceilDiv(width, block) * block;
  }

  /// The layers that attend, where `full_attn_idxs` lists them.
  private static Set<Integer> attending(ConfigJson c, int depth) {
    Set<Integer> attending = new HashSet<>();
    for (JsonNode index : c.list("full_attn_idxs", -1)) {
      if (!index.isInt() || index.intValue() < 0 || index.intValue() >= depth) {
        throw c.refuse(
            "full_attn_idxs has "
                + ConfigJson.show(index)
                + "; numbers of layers from 0 to "
                + (depth - 1)
                + " are needed");
      }
      attending.add(index.intValue());
    }
    return attending;
  }

  @Override
  public DecoderLayer layer(ModelConfig config, int i, Parts p) {
    LayerConfig layer = config.layers().get(i);
    String path = "layers." + i + ".";
    int width = config.hiddenSize();
    int inner = layer.feed().inner();
    String feed = path + "feed_forward.";
    Body first =
        layer.recurrence() instanceof LayerConfig.ShortConvolution convolution
            ? convolution(config, i, convolution, p)
            : Assembly.attention(config, i, NAMES, p);
    SplitLinear gateUp =
        SplitLinear.of(
            p.linear(feed + "w1", inner, width, false), p.linear(feed + "w3", inner, width, false));
    return new DecoderLayer(
        new ResidualBlock(p.norm(path + "operator_norm", width), first),
        new ResidualBlock(
            p.norm(path + "ffn_norm", width),
            new Mlp(gateUp, p.linear(feed + "w2", width, inner, false), Glu.Activation.SILU)));
  }

  private static ShortConvolution convolution(
      ModelConfig config, int i, LayerConfig.ShortConvolution convolution, Parts p) {
    String path = "layers." + i + ".conv.";
    int width = config.hiddenSize();
    boolean bias = convolution.bias();
    return new ShortConvolution(
        config.cacheIndex(i),
        SplitLinear.packed(p.linear(path + "in_proj", 3 * width, width, bias), width, width, width),
        p.filter(path + "conv", width, convolution.taps(), bias),
        p.linear(path + "out_proj", width, width, bias));
  }
}
