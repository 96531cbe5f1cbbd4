package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.model.family.ConfigReader.Defaults;
import dev.nudge.model.family.ModelConfig.Place;
import dev.nudge.model.rope.RopeParameters;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Ministral 3: a Mistral with YaRN, whose queries grow with their position beyond the original
/// context ([LayerConfig.QueryGrowth]).
///
/// Its published checkpoints are multimodal (`mistral3`); their text decoder is this one, or in
/// older ones a [Mistral].
record Ministral3() implements Family {
  private static final Defaults DEFAULTS =
      new Defaults(4096, 14336, 34, 32, 8, 128, 131072, 262144, 1e-5, false, 1e4, List.of(2), 11);

  private static final RopeParameters PUBLISHED =
      new RopeParameters.Yarn(1e6, 16, 1, 32, 1, 16384, true);

  @Override
  public List<String> modelTypes() {
    return List.of("ministral3", "mistral3");
  }

  @Override
  public String architecture() {
    return "Ministral3ForCausalLM";
  }

  @Override
  public List<Place> places() {
    return Gemma3.PLACES;
  }

  @Override
  public ModelConfig read(ConfigJson c, @Nullable ConfigJson generation) {
    if (c.text("model_type", null).equals("ministral3")) {
      return text(c, generation);
    }
    ConfigJson inner = ConfigReader.inner(c);
    String type = inner.text("model_type", "mistral");
    inner.supported("model_type", type, List.of("ministral3", "mistral"));
    ModelConfig config =
        type.equals("mistral") ? new Mistral().read(inner, generation) : text(inner, generation);
    boolean tied = c.flag("tie_word_embeddings", true);
    return ConfigReader.contained(c, config, tied, Gemma3.PLACES.getFirst());
  }

  private ModelConfig text(ConfigJson c, @Nullable ConfigJson generation) {
    ConfigReader r = new ConfigReader(c, generation, DEFAULTS);
    r.activation("hidden_act", "silu");
    ConfigJson rope = r.ropes().outer();
    LayerConfig layer = r.unturned().withWindow(r.window(0));
    if (rope == null) {
      return r.model(this, layer.withRope(PUBLISHED).withQueryGrowth(0.1, 16384));
    }
    double beta = rope.number("llama_4_scaling_beta", null);
    String key = "original_max_position_embeddings";
    int original = (c.present(key) ? c : rope).whole(key, r.positions(), Integer.MAX_VALUE);
    return r.model(this, layer.withRope(r.ropes().whole()).withQueryGrowth(beta, original));
  }
}
