package dev.nudge.export;

import dev.nudge.gguf.GgufArchitecture;
import dev.nudge.gguf.GgufNames;
import dev.nudge.gguf.GgufPairs;
import dev.nudge.kernel.Attend.Shape;
import dev.nudge.model.family.LayerConfig;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.model.rope.RopeParameters;
import dev.nudge.model.rope.Turning;
import dev.nudge.settings.InputException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Says a model's config in the keys of a GGUF architecture, and in tensors of RoPE factors.
///
/// Only what a key is there for is put; [ConfigDifference] then finds what the file cannot say.
final class ModelKeys {
  private final GgufPairs pairs;
  private final Path model;
  private final GgufArchitecture architecture;
  private final ModelConfig config;
  private final Map<String, float[]> factors = new LinkedHashMap<>(); // tensors of RoPE

  private ModelKeys(GgufPairs pairs, TensorNames names) {
    this.pairs = pairs;
    this.model = names.model();
    this.architecture = names.architecture();
    this.config = names.config();
  }

  /// Puts the keys of a model.
  ///
  /// @param positions the context length to name
  /// @return the tensors of RoPE factors, by name
  static Map<String, float[]> put(GgufPairs pairs, TensorNames names, int positions) {
    ModelKeys keys = new ModelKeys(pairs, names);
    keys.sizes(positions);
    keys.own();
    keys.rope();
    return keys.factors;
  }

  private String key(String name) {
    return architecture.key() + "." + name;
  }

  private void sizes(int positions) {
    pairs.whole(key("block_count"), config.numHiddenLayers());
    pairs.whole(key("context_length"), positions);
    pairs.whole(key("embedding_length"), config.hiddenSize());
    pairs.whole(key("feed_forward_length"), config.intermediateSize());
    pairs.whole(key("attention.head_count"), config.numAttentionHeads());
    pairs.whole(key("attention.head_count_kv"), config.numKeyValueHeads());
    pairs.whole(key("attention.key_length"), config.headDim());
    pairs.whole(key("attention.value_length"), config.headDim());
    pairs.number(key("attention.layer_norm_rms_epsilon"), config.rmsNormEps());
    pairs.whole(key("vocab_size"), config.vocabSize());
  }

  /// What only some architectures have keys for.
  private void own() {
    Shape attention = config.layers().getFirst().attention();
    switch (architecture) {
      case LLAMA, QWEN2, QWEN3, SMOLLM3, OLMO2 -> {}
      case GRANITE -> {
        pairs.number(key("attention.scale"), attention.scale());
        pairs.number(key("embedding_scale"), config.embeddingScale());
        pairs.number(key("residual_scale"), config.layers().getFirst().style().residual());
        pairs.number(key("logit_scale"), 1 / config.logitScale());
      }
      case PHI3 -> window();
      case GEMMA2 -> {
        window();
        cap("attn_logit_softcapping", attention.softCap());
        cap("final_logit_softcapping", config.logitCap());
      }
      case GEMMA3 -> {
        window();
        cap("final_logit_softcapping", config.logitCap());
        int full = firstFull();
        if (full != 5) {
          pairs.whole(key("attention.sliding_window_pattern"), full + 1);
        }
        Turning local = config.layers().getFirst().turning();
        if (full > 0 && local != null && local.rope().theta() != 1e4) {
          pairs.number(key("rope.freq_base_swa"), local.rope().theta());
        }
      }
    }
  }

  private void window() {
    int most = 0;
    for (LayerConfig layer : config.layers()) {
      most = Math.max(most, layer.attention().window());
    }
    pairs.whole(key("attention.sliding_window"), most);
  }

  private void cap(String name, double cap) {
    if (cap > 0) {
      pairs.number(key(name), cap);
    }
  }

  /// The first layer without a window; 5 if there is none, as in small models.
  private int firstFull() {
    List<LayerConfig> layers = config.layers();
    for (int i = 0; i < layers.size(); i++) {
      if (layers.get(i).attention().window() == 0) {
        return i;
      }
    }
    return 5;
  }

  private void rope() {
    Turning turning = null;
    for (LayerConfig layer : config.layers()) {
      if (layer.turning() != null && (turning == null || layer.attention().window() == 0)) {
        turning = layer.turning();
      }
    }
    if (turning == null) {
      throw refuse("no layer has RoPE");
    }
    RopeParameters rope = turning.rope();
    pairs.number(key("rope.freq_base"), rope.theta());
    pairs.whole(key("rope.dimension_count"), turning.width());
    if (architecture == GgufArchitecture.PHI3) {
      pairs.whole(key("rope.scaling.original_context_length"), config.maxPositionEmbeddings());
    }
    switch (rope) {
      case RopeParameters.Default _ -> {}
      case RopeParameters.Linear linear -> scaling("linear", linear.factor());
      case RopeParameters.Yarn yarn -> {
        scaling("yarn", yarn.factor());
        pairs.whole(key("rope.scaling.original_context_length"), yarn.originalMaxPosition());
        double usual = 0.1 * Math.log(yarn.factor()) + 1;
        pairs.number(key("rope.scaling.attn_factor"), yarn.attentionFactor() / usual);
        pairs.number(key("rope.scaling.yarn_beta_fast"), yarn.betaFast());
        pairs.number(key("rope.scaling.yarn_beta_slow"), yarn.betaSlow());
      }
      case RopeParameters.Llama3 llama3 ->
          factors.put(GgufNames.ROPE_FREQS, divisors(llama3, turning.width()));
      case RopeParameters.Longrope longrope -> longrope(longrope);
      case RopeParameters.Dynamic _ ->
          throw refuse("rope_scaling is dynamic, frequencies that depend on the length of a text");
    }
  }

  private void scaling(String type, double factor) {
    pairs.text(key("rope.scaling.type"), type);
    pairs.number(key("rope.scaling.factor"), factor);
  }

  private void longrope(RopeParameters.Longrope rope) {
    float[] few = floats(rope.shortFactors());
    if (architecture == GgufArchitecture.PHI3) {
      factors.put(GgufNames.ROPE_LONG, floats(rope.longFactors()));
      factors.put(GgufNames.ROPE_SHORT, few);
      pairs.number(key("rope.scaling.attn_factor"), rope.attentionFactor());
      pairs.whole(key("rope.scaling.original_context_length"), rope.originalMaxPosition());
    } else if (rope.shortFactors().equals(rope.longFactors()) && rope.attentionFactor() == 1) {
      factors.put(GgufNames.ROPE_FREQS, few);
    } else {
      throw refuse("rope_scaling is longrope, which only phi3 has");
    }
  }

  private InputException refuse(String why) {
    return new InputException("--model %s cannot be said in a GGUF file: %s".formatted(model, why));
  }

  private static float[] floats(List<Double> values) {
    float[] all = new float[values.size()];
    for (int i = 0; i < all.length; i++) {
      all[i] = values.get(i).floatValue();
    }
    return all;
  }

  /// What Llama 3 divides each frequency by.
  private static float[] divisors(RopeParameters.Llama3 rope, int width) {
    double[] plain = new RopeParameters.Default(rope.theta()).inverseFrequencies(width);
    double[] scaled = rope.inverseFrequencies(width);
    float[] all = new float[plain.length];
    for (int i = 0; i < all.length; i++) {
      all[i] = (float) (plain[i] / scaled[i]);
    }
    return all;
  }
}
