package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.kernel.Rope.Pairing;
import dev.nudge.model.family.ConfigReader.Defaults;
import dev.nudge.model.rope.Turning;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// ERNIE 4.5: a Llama with interleaved RoPE; one flag gives all projections a bias.
record Ernie45() implements Family {
  private static final Defaults DEFAULTS =
      new Defaults(1024, 3072, 18, 16, 2, 128, 103424, 131072, 1e-5, true, 5e5, List.of(2), 0);

  @Override
  public List<String> modelTypes() {
    return List.of("ernie4_5");
  }

  @Override
  public String architecture() {
    return "Ernie4_5ForCausalLM";
  }

  @Override
  public ModelConfig read(ConfigJson c, @Nullable ConfigJson generation) {
    ConfigReader r = new ConfigReader(c, generation, DEFAULTS);
    r.activation("hidden_act", "silu");
    boolean bias = c.flag("use_bias", false);
    LayerConfig layer = r.unturned().withBias(bias, bias, bias);
    Turning turning = new Turning(r.ropes().whole(), layer.attention().dim(), Pairing.NEIGHBOURS);
    return r.model(this, layer.withTurning(turning));
  }
}
