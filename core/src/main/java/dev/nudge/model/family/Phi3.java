package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.model.family.ConfigReader.Defaults;
import dev.nudge.model.family.LayerConfig.Fused;
import dev.nudge.model.rope.Turning;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Phi-3, Phi-3.5-mini, Phi-4 and Phi-4-mini: fused QKV and gate/up projections, partial RoPE.
record Phi3() implements Family {
  private static final Defaults DEFAULTS =
      new Defaults(3072, 8192, 32, 32, 0, 0, 32064, 4096, 1e-5, false, 1e4, List.of(32000), 32000);

  @Override
  public List<String> modelTypes() {
    return List.of("phi3");
  }

  @Override
  public String architecture() {
    return "Phi3ForCausalLM";
  }

  @Override
  public ModelConfig read(ConfigJson c, @Nullable ConfigJson generation) {
    ConfigReader r = new ConfigReader(c, generation, DEFAULTS);
    r.activation("hidden_act", "silu");
    LayerConfig layer = r.unturned().withFused(Fused.ALL).withWindow(r.window(0));
    int width = r.ropes().width(layer.attention().dim(), 1);
    return r.model(this, layer.withTurning(new Turning(r.ropes().longOrPlain(width, 4096), width)));
  }
}
