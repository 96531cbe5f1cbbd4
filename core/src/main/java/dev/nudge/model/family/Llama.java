package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.model.family.ConfigReader.Defaults;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Llama 1 to 3 and families of the same architecture.
record Llama() implements Family {
  private static final Defaults DEFAULTS =
      new Defaults(4096, 11008, 32, 32, 0, 0, 32000, 2048, 1e-6, false, 1e4, List.of(2), null);

  @Override
  public List<String> modelTypes() {
    return List.of("llama");
  }

  @Override
  public String architecture() {
    return "LlamaForCausalLM";
  }

  @Override
  public ModelConfig read(ConfigJson c, @Nullable ConfigJson generation) {
    ConfigReader r = new ConfigReader(c, generation, DEFAULTS);
    r.activation("hidden_act", "silu");
    boolean bias = c.flag("attention_bias", false);
    return r.model(this, r.layer().withBias(bias, bias, c.flag("mlp_bias", false)));
  }
}
