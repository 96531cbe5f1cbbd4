package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.kernel.Routing.Rule;
import dev.nudge.model.family.ConfigReader.Defaults;
import dev.nudge.model.family.LayerConfig.Norms;
import dev.nudge.model.family.LayerConfig.QkNorm;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Qwen3 with experts: attention of Qwen3, some layers dense.
record Qwen3Moe() implements Family {
  private static final Defaults DEFAULTS =
      new Defaults(2048, 6144, 24, 32, 4, 0, 151936, 32768, 1e-6, false, 1e4, List.of(), null);

  @Override
  public List<String> modelTypes() {
    return List.of("qwen3_moe");
  }

  @Override
  public String architecture() {
    return "Qwen3MoeForCausalLM";
  }

  @Override
  public ModelConfig read(ConfigJson c, @Nullable ConfigJson generation) {
    ConfigReader r = new ConfigReader(c, generation, DEFAULTS);
    r.activation("hidden_act", "silu");
    boolean bias = c.flag("attention_bias", false);
    LayerConfig layer = r.layer().withBias(bias, bias, false).withNorms(Norms.BEFORE, QkNorm.HEAD);
    int window = c.flag("use_sliding_window", false) ? r.window(4096) : 0;
    MoeConfig mixture =
        MoeConfig.read(
            c, "num_experts", 128, 8, "moe_intermediate_size", 768, rule(c), MoeConfig.Names.USUAL);
    return r.model(
        this, sparse(c, Collections.nCopies(r.depth(), layer.withWindow(window)), mixture));
  }

  /// How weights follow from logits, by `norm_topk_prob`.
  static Rule rule(ConfigJson c) {
    return c.flag("norm_topk_prob", false) ? Rule.NORMALISED : Rule.SOFTMAX;
  }

  /// Puts experts into layers: each `decoder_sparse_step`-th one that `mlp_only_layers` does not
  /// name.
  static List<LayerConfig> sparse(ConfigJson c, List<LayerConfig> layers, MoeConfig mixture) {
    int step = c.whole("decoder_sparse_step", 1, Integer.MAX_VALUE);
    Set<Integer> dense = new TreeSet<>();
    if (c.has("mlp_only_layers")) {
      JsonNode listed = c.node("mlp_only_layers");
      for (JsonNode i : listed) {
        if (!listed.isArray() || !i.isInt()) {
          throw c.refuse("mlp_only_layers is " + ConfigJson.show(listed) + "; it lists layers");
        }
        dense.add(i.intValue());
      }
    }
    List<LayerConfig> all = new ArrayList<>();
    for (int i = 0; i < layers.size(); i++) {
      boolean experts = !dense.contains(i) && (i + 1) % step == 0;
      all.add(experts ? layers.get(i).withMixture(mixture) : layers.get(i));
    }
    return all;
  }
}
