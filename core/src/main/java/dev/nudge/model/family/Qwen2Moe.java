package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.model.family.ConfigReader.Defaults;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Qwen2 with experts, and an expert with a gate that all tokens share.
record Qwen2Moe() implements Family {
  private static final Defaults DEFAULTS =
      new Defaults(2048, 5632, 24, 16, 16, 0, 151936, 32768, 1e-6, false, 1e4, List.of(), null);

  @Override
  public List<String> modelTypes() {
    return List.of("qwen2_moe");
  }

  @Override
  public String architecture() {
    return "Qwen2MoeForCausalLM";
  }

  @Override
  public ModelConfig read(ConfigJson c, @Nullable ConfigJson generation) {
    ConfigReader r = new ConfigReader(c, generation, DEFAULTS);
    r.activation("hidden_act", "silu");
    LayerConfig layer = r.layer().withBias(c.flag("qkv_bias", true), false, false);
    MoeConfig mixture =
        MoeConfig.read(
                c,
                "num_experts",
                60,
                4,
                "moe_intermediate_size",
                1408,
                Qwen3Moe.rule(c),
                MoeConfig.Names.USUAL)
            .withShared(c.whole("shared_expert_intermediate_size", 5632, ConfigReader.MOST_SIZE));
    int window = c.flag("use_sliding_window", false) ? r.window(4096) : 0;
    int below = c.present("max_window_layers") ? (int) c.number("max_window_layers", null) : 28;
    boolean[] sliding = r.sliding(i -> window > 0 && i % 2 == 0 && i < below);
    return r.model(this, Qwen3Moe.sparse(c, r.windowed(layer, sliding, window), mixture));
  }
}
