package dev.nudge.model;

import dev.nudge.format.ConfigJson;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// OLMo 3: OLMo 2's layers, three of four with a window; only the others turn as a long context
/// wants it.
record Olmo3() implements Family {
  private static final double THETA = 5e5;

  @Override
  public List<String> modelTypes() {
    return List.of("olmo3");
  }

  @Override
  public String architecture() {
    return "Olmo3ForCausalLM";
  }

  @Override
  public ModelConfig read(ConfigJson c, @Nullable ConfigJson generation) {
    ConfigReader r = new ConfigReader(c, generation, Olmo2.DEFAULTS);
    r.activation("hidden_act", "silu");
    RopeReader ropes = r.ropes();
    LayerConfig layer = Olmo2.layer(c, r);
    LayerConfig whole = layer.withRope(ropes.of("full_attention", THETA));
    RopeParameters near =
        ropes.byKind() ? ropes.of("sliding_attention", THETA) : new RopeParameters.Default(THETA);
    boolean[] sliding = r.sliding(i -> (i + 1) % 4 != 0);
    return r.model(this, r.windowed(whole, layer.withRope(near), sliding, r.window(4096)));
  }
}
