package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.model.family.ConfigReader.Defaults;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Seed-OSS: a Qwen2 with a head size of its own and biases that are switched by flags.
record SeedOss() implements Family {
  private static final Defaults DEFAULTS =
      new Defaults(4096, 27648, 64, 80, 8, 128, 155136, 524288, 1e-6, false, 1e4, List.of(2), 1);

  @Override
  public List<String> modelTypes() {
    return List.of("seed_oss");
  }

  @Override
  public String architecture() {
    return "SeedOssForCausalLM";
  }

  @Override
  public ModelConfig read(ConfigJson c, @Nullable ConfigJson generation) {
    ConfigReader r = new ConfigReader(c, generation, DEFAULTS);
    r.activation("hidden_act", "silu");
    LayerConfig layer =
        r.layer()
            .withBias(
                c.flag("attention_bias", true),
                c.flag("attention_out_bias", false),
                c.flag("mlp_bias", false));
    return r.model(this, layer);
  }
}
