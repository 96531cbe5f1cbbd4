package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.kernel.Routing.Rule;
import dev.nudge.model.family.ConfigReader.Defaults;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Granite 3 with experts in every layer.
record GraniteMoe() implements Family {
  private static final Defaults DEFAULTS =
      new Defaults(4096, 11008, 32, 32, 0, 0, 32000, 2048, 1e-6, false, 1e4, List.of(2), null);

  @Override
  public List<String> modelTypes() {
    return List.of("granitemoe");
  }

  @Override
  public String architecture() {
    return "GraniteMoeForCausalLM";
  }

  @Override
  public ModelConfig read(ConfigJson c, @Nullable ConfigJson generation) {
    ConfigReader r = new ConfigReader(c, generation, DEFAULTS);
    r.activation("hidden_act", "silu");
    boolean bias = c.flag("attention_bias", false);
    MoeConfig mixture =
        MoeConfig.read(
            c,
            "num_local_experts",
            8,
            2,
            "intermediate_size",
            11008,
            Rule.NORMALISED,
            MoeConfig.Names.GRANITE);
    return Granite.scaled(c, r, this, r.layer().withBias(bias, bias, false).withMixture(mixture));
  }
}
