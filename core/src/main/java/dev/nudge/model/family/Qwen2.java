package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.model.family.ConfigReader.Defaults;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Qwen2 and Qwen2.5: q, k, v have biases; the upper layers may have a sliding window.
record Qwen2() implements Family {
  private static final Defaults DEFAULTS =
      new Defaults(4096, 22016, 32, 32, 32, 0, 151936, 32768, 1e-6, false, 1e4, List.of(), null);

  @Override
  public LayerConfig published(LayerConfig llama) {
    return llama.withBias(true, false, false);
  }

  /// Layers with a sliding window from `max_window_layers` on, if `use_sliding_window` is on.
  static List<LayerConfig> windowed(ConfigJson c, ConfigReader r, LayerConfig layer) {
    int window = c.flag("use_sliding_window", false) ? r.window(4096) : 0;
    int below = c.present("max_window_layers") ? (int) c.number("max_window_layers", null) : 28;
    return r.windowed(layer, r.sliding(i -> window > 0 && i >= below), window);
  }

  @Override
  public List<String> modelTypes() {
    return List.of("qwen2");
  }

  @Override
  public String architecture() {
    return "Qwen2ForCausalLM";
  }

  @Override
  public ModelConfig read(ConfigJson c, @Nullable ConfigJson generation) {
    ConfigReader r = new ConfigReader(c, generation, DEFAULTS);
    r.activation("hidden_act", "silu");
    return r.model(this, windowed(c, r, published(r.layer())));
  }
}
