package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.kernel.Routing.Rule;
import dev.nudge.model.family.ConfigReader.Defaults;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Mixtral: Mistral with experts in every layer.
record Mixtral() implements Family {
  private static final Defaults DEFAULTS =
      new Defaults(4096, 14336, 32, 32, 8, 0, 32000, 131072, 1e-5, false, 1e6, List.of(2), null);

  @Override
  public List<String> modelTypes() {
    return List.of("mixtral");
  }

  @Override
  public String architecture() {
    return "MixtralForCausalLM";
  }

  @Override
  public ModelConfig read(ConfigJson c, @Nullable ConfigJson generation) {
    ConfigReader r = new ConfigReader(c, generation, DEFAULTS);
    r.activation("hidden_act", "silu");
    if (c.number("router_jitter_noise", 0.0) != 0) {
      throw c.refuse("router_jitter_noise is not supported; set it to 0");
    }
    MoeConfig mixture =
        MoeConfig.read(
            c,
            "num_local_experts",
            8,
            2,
            "intermediate_size",
            14336,
            Rule.NORMALISED,
            MoeConfig.Names.MIXTRAL);
    return r.model(this, r.layer().withWindow(r.window(0)).withMixture(mixture));
  }
}
