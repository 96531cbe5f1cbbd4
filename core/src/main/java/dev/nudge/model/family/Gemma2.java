package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.kernel.Glu.Activation;
import dev.nudge.model.family.ConfigReader.Defaults;
import dev.nudge.model.family.LayerConfig.Norms;
import dev.nudge.model.family.LayerConfig.QkNorm;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Gemma 2: norms around attention and MLP, soft caps, a sliding window in every other layer.
record Gemma2() implements Family {
  private static final Defaults DEFAULTS =
      new Defaults(2304, 9216, 26, 8, 4, 256, 256000, 8192, 1e-6, true, 1e4, List.of(1), 0);

  /// A decoder layer as in all Gemmas.
  static LayerConfig layer(ConfigJson c, ConfigReader r) {
    r.activation("hidden_activation", "gelu_pytorch_tanh");
    if (c.has("use_bidirectional_attention") && c.flag("use_bidirectional_attention", false)) {
      throw c.refuse("use_bidirectional_attention is true; causal attention is supported");
    }
    boolean bias = c.flag("attention_bias", false);
    return r.unturned()
        .withBias(bias, bias, false)
        .withNorms(Norms.AROUND, QkNorm.NONE)
        .withActivation(Activation.GELU_TANH);
  }

  /// The scale of attention scores.
  static double scale(ConfigJson c) {
    return 1 / Math.sqrt(c.positive("query_pre_attn_scalar", 256.0));
  }

  /// A soft cap; null is none.
  static double cap(ConfigJson c, String key, double absent) {
    return c.has(key) ? c.positive(key, null) : c.present(key) ? 0 : absent;
  }

  /// Adds one to norm weights and scales embeddings by the root of their width.
  static ModelConfig ends(ModelConfig config, double cap) {
    return config.withEnds(1, Math.sqrt(config.hiddenSize()), 1, cap);
  }

  @Override
  public List<String> modelTypes() {
    return List.of("gemma2");
  }

  @Override
  public String architecture() {
    return "Gemma2ForCausalLM";
  }

  @Override
  public ModelConfig read(ConfigJson c, @Nullable ConfigJson generation) {
    ConfigReader r = new ConfigReader(c, generation, DEFAULTS);
    LayerConfig layer =
        layer(c, r)
            .withRope(r.ropes().whole())
            .withScale(scale(c), cap(c, "attn_logit_softcapping", 50));
    int window = r.window(4096);
    return ends(
        r.model(this, r.windowed(layer, r.sliding(i -> i % 2 == 0), window)),
        cap(c, "final_logit_softcapping", 30));
  }
}
