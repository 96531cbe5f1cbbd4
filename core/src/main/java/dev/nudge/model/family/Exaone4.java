package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.model.family.ConfigReader.Defaults;
import dev.nudge.model.family.LayerConfig.Norms;
import dev.nudge.model.family.LayerConfig.QkNorm;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// EXAONE 4: norms after attention and MLP, per-head norms of queries and keys. In models with a
/// sliding window only the layers with the window have RoPE.
record Exaone4() implements Family {
  private static final Defaults DEFAULTS =
      new Defaults(4096, 16384, 32, 32, 32, 0, 102400, 2048, 1e-5, false, 1e4, List.of(2), null);

  @Override
  public List<String> modelTypes() {
    return List.of("exaone4");
  }

  @Override
  public String architecture() {
    return "Exaone4ForCausalLM";
  }

  @Override
  public ModelConfig read(ConfigJson c, @Nullable ConfigJson generation) {
    ConfigReader r = new ConfigReader(c, generation, DEFAULTS);
    r.activation("hidden_act", "silu");
    LayerConfig layer = r.layer().withNorms(Norms.BEHIND, QkNorm.HEAD);
    int window = r.window(4096);
    int pattern =
        c.has("layer_types") || window == 0
            ? 1
            : c.whole("sliding_window_pattern", 4, Integer.MAX_VALUE);
    List<LayerConfig> layers = new ArrayList<>();
    for (LayerConfig each : r.windowed(layer, r.sliding(i -> (i + 1) % pattern != 0), window)) {
      layers.add(window == 0 || each.attention().window() > 0 ? each : each.withTurning(null));
    }
    return r.model(this, layers);
  }
}
