package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.kernel.DeltaRule;
import dev.nudge.kernel.Routing;
import dev.nudge.model.family.ConfigReader.Defaults;
import dev.nudge.model.family.LayerConfig.Norms;
import dev.nudge.model.family.LayerConfig.QkNorm;
import dev.nudge.model.family.ModelConfig.Place;
import dev.nudge.model.rope.Turning;
import dev.nudge.nn.SplitLinear;
import dev.nudge.nn.layer.Body;
import dev.nudge.nn.layer.DecoderLayer;
import dev.nudge.nn.layer.DeltaNet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Qwen3.5 and 3.6, also the text decoder of their multimodal checkpoints: three of four layers
/// have a gated delta rule in attention's place, the others attention with a gate.
record Qwen35() implements Family {
  private static final Defaults DENSE =
      new Defaults(4096, 12288, 32, 16, 4, 256, 248320, 32768, 1e-6, false, 1e4, List.of(), null);

  private static final Defaults SPARSE =
      new Defaults(2048, 512, 40, 16, 2, 256, 248320, 32768, 1e-6, false, 1e4, List.of(), null);

  @Override
  public List<String> modelTypes() {
    return List.of("qwen3_5_text", "qwen3_5", "qwen3_5_moe_text", "qwen3_5_moe");
  }

  @Override
  public String architecture() {
    return "Qwen3_5ForCausalLM";
  }

  /// The decoder lies below `model.` or, as multimodal checkpoints have it, one level lower; its
  /// modules are named alike.
  @Override
  public List<Place> places() {
    return List.of(Place.ALONE, new Place("model.language_model.", "model.", "lm_head"));
  }

  @Override
  public ModelConfig read(ConfigJson c, @Nullable ConfigJson generation) {
    String type = c.text("model_type", null);
    if (type.endsWith("_text")) {
      return text(c, generation, type.contains("moe"));
    }
    ModelConfig config = text(ConfigReader.inner(c), generation, type.contains("moe"));
    return ConfigReader.contained(c, config, config.tieWordEmbeddings(), places().getLast());
  }

  private ModelConfig text(ConfigJson c, @Nullable ConfigJson generation, boolean sparse) {
    ConfigReader r = new ConfigReader(c, generation, sparse ? SPARSE : DENSE);
    r.activation("hidden_act", "silu");
    boolean bias = c.flag("attention_bias", false);
    LayerConfig plain = r.unturned();
    int turned = r.ropes().width(plain.attention().dim(), 0.25);
    LayerConfig attention =
        plain
            .withTurning(new Turning(r.ropes().alike(), turned))
            .withNorms(Norms.BEFORE, QkNorm.HEAD)
            .withBias(bias, bias, false)
            .withGate();
    if (sparse) {
      attention = attention.withMixture(mixture(c));
    }
    LayerConfig delta = attention.withRecurrence(delta(c));
    int interval = c.whole("full_attention_interval", 4, Integer.MAX_VALUE);
    boolean[] linear = r.ofType("linear_attention", "full_attention", i -> (i + 1) % interval != 0);
    return r.model(this, r.recurrent(delta, attention, linear)).withEnds(1, 1, 1, 0);
  }

  private static MoeConfig mixture(ConfigJson c) {
    return MoeConfig.read(
            c,
            "num_experts",
            256,
            8,
            "moe_intermediate_size",
            512,
            Routing.Rule.NORMALISED,
            MoeConfig.Names.USUAL)
        .withShared(c.whole("shared_expert_intermediate_size", 512, ConfigReader.MOST_SIZE));
  }

  private static LayerConfig.GatedDelta delta(ConfigJson c) {
    int most = ConfigReader.MOST_SIZE;
    int keyHeads = c.whole("linear_num_key_heads", 16, most);
    int valueHeads = c.whole("linear_num_value_heads", 32, most);
    int keyDim = c.whole("linear_key_head_dim", 128, most);
    int valueDim = c.whole("linear_value_head_dim", 128, most);
    if (valueHeads % keyHeads != 0) {
      throw c.refuse(
          "linear_num_value_heads "
              + valueHeads
              + " is not a multiple of linear_num_key_heads "
              + keyHeads);
    }
    if (2L * keyHeads * keyDim + (long) valueHeads * valueDim > most) {
      throw c.refuse("the heads of linear attention are together wider than " + most);
    }
    int taps = c.whole("linear_conv_kernel_dim", 4, 64);
    if (taps < 2) {
      throw c.refuse("linear_conv_kernel_dim is 1; 2 to 64 is allowed");
    }
    return new LayerConfig.GatedDelta(
        new DeltaRule.Shape(keyHeads, valueHeads, keyDim, valueDim), taps);
  }

  @Override
  public DecoderLayer layer(ModelConfig config, int i, Parts p) {
    return config.layers().get(i).recurrence() instanceof LayerConfig.GatedDelta delta
        ? Assembly.layer(config, i, () -> delta(config, i, delta, p), p)
        : Assembly.layer(config, i, p);
  }

  private static Body delta(ModelConfig config, int i, LayerConfig.GatedDelta delta, Parts p) {
    String path = "layers." + i + ".linear_attn.";
    int width = config.hiddenSize();
    DeltaRule.Shape shape = delta.shape();
    return new DeltaNet(
        config.cacheIndex(i),
        shape,
        SplitLinear.of(
            p.linear(path + "in_proj_qkv", shape.columns(), width, false),
            p.linear(path + "in_proj_z", shape.outputs(), width, false),
            p.linear(path + "in_proj_b", shape.valueHeads(), width, false),
            p.linear(path + "in_proj_a", shape.valueHeads(), width, false)),
        p.filter(path + "conv1d", shape.columns(), delta.taps(), false),
        p.decay(path, shape.valueHeads()),
        p.norm(path + "norm", shape.valueDim(), 0),
        p.linear(path + "out_proj", width, shape.outputs(), false));
  }
}
