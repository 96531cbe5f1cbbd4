package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.model.family.ConfigReader.Defaults;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// SmolLM3: a Llama with layers without RoPE (NoPE), which have the sliding window if there is one.
record SmolLm3() implements Family {
  private static final Defaults DEFAULTS =
      new Defaults(
          2048, 11008, 36, 16, 4, 0, 128256, 32768, 1e-6, true, 2e6, List.of(128001), 128004);

  /// Which layers have RoPE: `no_rope_layers` has 1 for those.
  private static boolean[] turns(ConfigJson c, int depth) {
    boolean[] turns = new boolean[depth];
    int interval = c.whole("no_rope_layer_interval", 4, Integer.MAX_VALUE);
    var listed = c.has("no_rope_layers") ? c.list("no_rope_layers", depth) : null;
    for (int i = 0; i < depth; i++) {
      turns[i] = listed == null ? (i + 1) % interval != 0 : listed.get(i).asInt(0) != 0;
    }
    return turns;
  }

  @Override
  public List<String> modelTypes() {
    return List.of("smollm3");
  }

  @Override
  public String architecture() {
    return "SmolLM3ForCausalLM";
  }

  @Override
  public ModelConfig read(ConfigJson c, @Nullable ConfigJson generation) {
    ConfigReader r = new ConfigReader(c, generation, DEFAULTS);
    r.activation("hidden_act", "silu");
    boolean bias = c.flag("attention_bias", false);
    LayerConfig layer = r.layer().withBias(bias, bias, c.flag("mlp_bias", false));
    boolean[] turns = turns(c, r.depth());
    int window = c.flag("use_sliding_window", false) ? r.window(0) : 0;
    List<LayerConfig> layers =
        new ArrayList<>(r.windowed(layer, r.sliding(i -> window > 0 && !turns[i]), window));
    for (int i = 0; i < turns.length; i++) {
      layers.set(i, turns[i] ? layers.get(i) : layers.get(i).withTurning(null));
    }
    return r.model(this, layers);
  }
}
