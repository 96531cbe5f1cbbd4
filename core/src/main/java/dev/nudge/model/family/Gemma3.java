package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.model.family.ConfigReader.Defaults;
import dev.nudge.model.family.LayerConfig.Norms;
import dev.nudge.model.family.LayerConfig.QkNorm;
import dev.nudge.model.family.ModelConfig.Place;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Gemma 3, also the text decoder of its multimodal checkpoints: five of six layers have a sliding
/// window and a RoPE base of their own.
record Gemma3() implements Family {
  private static final Defaults DEFAULTS =
      new Defaults(2304, 9216, 26, 8, 4, 256, 262208, 131072, 1e-6, true, 1e6, List.of(1), 0);

  @Override
  public List<String> modelTypes() {
    return List.of("gemma3_text", "gemma3");
  }

  @Override
  public String architecture() {
    return "Gemma3ForCausalLM";
  }

  /// Tensor prefixes of the text decoder in multimodal checkpoints of different transformers
  /// versions.
  static final List<Place> PLACES =
      List.of(
          place("language_model.model."), place("model.language_model."), place("language_model."));

  private static Place place(String tensors) {
    return new Place(tensors, "model.language_model.", "language_model.lm_head");
  }

  @Override
  public List<Place> places() {
    return PLACES;
  }

  @Override
  public ModelConfig read(ConfigJson c, @Nullable ConfigJson generation) {
    if (c.text("model_type", null).equals("gemma3_text")) {
      return text(c, generation, Gemma2.cap(c, "final_logit_softcapping", 0));
    }
    ModelConfig config = text(ConfigReader.inner(c), generation, 0);
    boolean tied = c.flag("tie_word_embeddings", true);
    return ConfigReader.contained(c, config, tied, PLACES.getFirst());
  }

  private ModelConfig text(ConfigJson c, @Nullable ConfigJson generation, double cap) {
    ConfigReader r = new ConfigReader(c, generation, DEFAULTS);
    LayerConfig layer =
        Gemma2.layer(c, r).withNorms(Norms.AROUND, QkNorm.HEAD).withScale(Gemma2.scale(c), 0);
    LayerConfig whole = layer.withRope(r.ropes().full(1e6));
    LayerConfig local =
        layer.withRope(r.ropes().sliding(() -> c.positive("rope_local_base_freq", 1e4)));
    int pattern = c.whole("sliding_window_pattern", 6, Integer.MAX_VALUE);
    boolean[] sliding = r.sliding(i -> (i + 1) % pattern != 0);
    return Gemma2.ends(r.model(this, r.windowed(whole, local, sliding, r.window(4096))), cap);
  }
}
