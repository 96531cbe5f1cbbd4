package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.model.family.ConfigReader.Defaults;
import dev.nudge.model.family.LayerConfig.Norms;
import dev.nudge.model.family.LayerConfig.QkNorm;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Dense Qwen3: queries and keys are normalised over each head (QK norm).
record Qwen3() implements Family {
  private static final Defaults DEFAULTS =
      new Defaults(4096, 22016, 32, 32, 32, 128, 151936, 32768, 1e-6, false, 1e4, List.of(), null);

  @Override
  public List<String> modelTypes() {
    return List.of("qwen3");
  }

  @Override
  public String architecture() {
    return "Qwen3ForCausalLM";
  }

  @Override
  public LayerConfig published(LayerConfig llama) {
    return llama.withNorms(Norms.BEFORE, QkNorm.HEAD);
  }

  @Override
  public ModelConfig read(ConfigJson c, @Nullable ConfigJson generation) {
    ConfigReader r = new ConfigReader(c, generation, DEFAULTS);
    r.activation("hidden_act", "silu");
    boolean bias = c.flag("attention_bias", false);
    LayerConfig layer = published(r.layer()).withBias(bias, bias, false);
    return r.model(this, Qwen2.windowed(c, r, layer));
  }
}
