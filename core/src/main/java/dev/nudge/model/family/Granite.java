package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.model.family.ConfigReader.Defaults;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Granite 3: a Llama with four multipliers.
record Granite() implements Family {
  private static final Defaults DEFAULTS =
      new Defaults(4096, 11008, 32, 32, 0, 0, 32000, 2048, 1e-6, false, 1e4, List.of(2), null);

  @Override
  public List<String> modelTypes() {
    return List.of("granite");
  }

  @Override
  public String architecture() {
    return "GraniteForCausalLM";
  }

  @Override
  public ModelConfig read(ConfigJson c, @Nullable ConfigJson generation) {
    ConfigReader r = new ConfigReader(c, generation, DEFAULTS);
    r.activation("hidden_act", "silu");
    boolean bias = c.flag("attention_bias", false);
    return scaled(c, r, this, r.layer().withBias(bias, bias, c.flag("mlp_bias", false)));
  }

  /// A model of such layers with the four multipliers.
  static ModelConfig scaled(ConfigJson c, ConfigReader r, Family family, LayerConfig layer) {
    LayerConfig scaled =
        layer
            .withScale(c.positive("attention_multiplier", 1.0), 0)
            .withResidual(c.number("residual_multiplier", 1.0));
    return r.model(family, scaled)
        .withEnds(
            0, c.number("embedding_multiplier", 1.0), 1 / c.positive("logits_scaling", 1.0), 0);
  }
}
