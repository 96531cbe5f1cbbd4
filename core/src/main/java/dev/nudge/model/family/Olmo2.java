package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.model.family.ConfigReader.Defaults;
import dev.nudge.model.family.LayerConfig.Norms;
import dev.nudge.model.family.LayerConfig.QkNorm;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// OLMo 2: norms only after attention and MLP; QK norm over all heads together.
record Olmo2() implements Family {
  static final Defaults DEFAULTS =
      new Defaults(4096, 11008, 32, 32, 0, 0, 50304, 2048, 1e-5, false, 1e4, List.of(50279), 1);

  @Override
  public List<String> modelTypes() {
    return List.of("olmo2");
  }

  @Override
  public String architecture() {
    return "Olmo2ForCausalLM";
  }

  @Override
  public ModelConfig read(ConfigJson c, @Nullable ConfigJson generation) {
    ConfigReader r = new ConfigReader(c, generation, DEFAULTS);
    r.activation("hidden_act", "silu");
    return r.model(this, layer(c, r).withRope(r.ropes().whole()));
  }

  /// A decoder layer whose RoPE is not set yet.
  static LayerConfig layer(ConfigJson c, ConfigReader r) {
    boolean bias = c.flag("attention_bias", false);
    return r.unturned().withBias(bias, bias, false).withNorms(Norms.BEHIND, QkNorm.WIDTH);
  }
}
