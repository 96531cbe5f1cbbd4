package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.model.family.ConfigReader.Defaults;
import dev.nudge.model.family.ModelConfig.Place;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Mistral: a Llama without biases; older models have sliding-window attention in every layer.
record Mistral() implements Family {
  private static final Defaults DEFAULTS =
      new Defaults(4096, 14336, 32, 32, 8, 0, 32000, 131072, 1e-6, false, 1e4, List.of(2), null);

  @Override
  public List<String> modelTypes() {
    return List.of("mistral");
  }

  @Override
  public String architecture() {
    return "MistralForCausalLM";
  }

  /// Those of `mistral3`, whose text decoder it may be.
  @Override
  public List<Place> places() {
    return Gemma3.PLACES;
  }

  @Override
  public ModelConfig read(ConfigJson c, @Nullable ConfigJson generation) {
    ConfigReader r = new ConfigReader(c, generation, DEFAULTS);
    r.activation("hidden_act", "silu");
    return r.model(this, r.layer().withWindow(r.window(4096)));
  }
}
