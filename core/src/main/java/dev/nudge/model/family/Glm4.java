package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.kernel.Rope.Pairing;
import dev.nudge.model.family.ConfigReader.Defaults;
import dev.nudge.model.family.LayerConfig.Fused;
import dev.nudge.model.family.LayerConfig.Norms;
import dev.nudge.model.family.LayerConfig.QkNorm;
import dev.nudge.model.rope.Turning;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// GLM-4-0414: norms around attention and MLP, fused gate/up projections, interleaved RoPE over a
/// part of each head.
record Glm4() implements Family {
  private static final List<Integer> EOS = List.of(151329, 151336, 151338);
  private static final Defaults DEFAULTS =
      new Defaults(4096, 13696, 40, 32, 2, 128, 151552, 131072, 1.5625e-7, false, 1e4, EOS, 151329);

  @Override
  public List<String> modelTypes() {
    return List.of("glm4");
  }

  @Override
  public String architecture() {
    return "Glm4ForCausalLM";
  }

  @Override
  public ModelConfig read(ConfigJson c, @Nullable ConfigJson generation) {
    ConfigReader r = new ConfigReader(c, generation, DEFAULTS);
    r.activation("hidden_act", "silu");
    LayerConfig layer =
        r.unturned()
            .withBias(c.flag("attention_bias", true), false, false)
            .withNorms(Norms.AROUND_GLM, QkNorm.NONE)
            .withFused(Fused.GATE_UP);
    int width = r.ropes().width(layer.attention().dim(), 0.5);
    return r.model(
        this, layer.withTurning(new Turning(r.ropes().alike(), width, Pairing.NEIGHBOURS)));
  }
}
