package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// OLMo 3: OLMo 2's layers, three of four with a sliding window; only the others have RoPE scaling
/// for long context.
record Olmo3() implements Family {
  private static final double THETA = 5e5;

  /// The RoPE base of sliding-window layers that set none; transformers applies `rope_theta` to
  /// full-attention layers only.
  private static double near(ConfigJson c) {
    double theta = c.positive("rope_theta", THETA);
    if (theta != THETA) {
      throw c.refuse(
          "rope_theta is "
              + theta
              + ", which transformers gives to full layers alone; name the rope_theta of both kinds"
              + " of layers in rope_parameters");
    }
    return THETA;
  }

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
    boolean[] sliding = r.sliding(i -> (i + 1) % 4 != 0);
    LayerConfig layer = Olmo2.layer(c, r);
    LayerConfig whole = layer.withRope(r.ropes().full(THETA));
    LayerConfig local =
        IntStream.range(0, sliding.length).anyMatch(i -> sliding[i])
            ? layer.withRope(r.ropes().sliding(() -> near(c)))
            : whole;
    return r.model(this, r.windowed(whole, local, sliding, r.window(4096)));
  }
}
