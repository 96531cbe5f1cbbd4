package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.model.family.ConfigReader.Defaults;
import dev.nudge.model.family.LayerConfig.Norms;
import dev.nudge.model.family.LayerConfig.QkNorm;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// OLMoE: experts in every layer, QK norm over all heads together, clamped where `clip_qkv` says.
record Olmoe() implements Family {
  private static final Defaults DEFAULTS =
      new Defaults(2048, 2048, 16, 16, 0, 0, 50304, 4096, 1e-5, false, 1e4, List.of(50279), 1);

  @Override
  public List<String> modelTypes() {
    return List.of("olmoe");
  }

  @Override
  public String architecture() {
    return "OlmoeForCausalLM";
  }

  @Override
  public ModelConfig read(ConfigJson c, @Nullable ConfigJson generation) {
    ConfigReader r = new ConfigReader(c, generation, DEFAULTS);
    r.activation("hidden_act", "silu");
    boolean bias = c.flag("attention_bias", false);
    double clip = c.has("clip_qkv") ? c.positive("clip_qkv", null) : 0;
    MoeConfig mixture =
        MoeConfig.read(
            c,
            "num_experts",
            64,
            8,
            "intermediate_size",
            2048,
            Qwen3Moe.rule(c),
            MoeConfig.Names.USUAL);
    return r.model(
        this,
        r.layer()
            .withBias(bias, bias, false)
            .withNorms(Norms.BEFORE, QkNorm.WIDTH)
            .withClip(clip)
            .withMixture(mixture));
  }
}
