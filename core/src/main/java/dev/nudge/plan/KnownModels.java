package dev.nudge.plan;

import dev.nudge.model.ModelConfig;
import dev.nudge.model.RopeParameters;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/// Names the shapes of well-known models, to plan for one that is not on this machine.
///
/// 7B, 13B, 33B and 65B are LLaMA's [1], 70B is Llama 2's with its grouped heads [2].
///
/// [1] Touvron et al., arXiv:2302.13971. [2] Touvron et al., arXiv:2307.09288.
public final class KnownModels {
  private static final Map<String, ModelConfig> ALL = new LinkedHashMap<>();

  static {
    ALL.put("7B", llama(4096, 11008, 32, 32, 32, 2048));
    ALL.put("13B", llama(5120, 13824, 40, 40, 40, 2048));
    ALL.put("33B", llama(6656, 17920, 60, 52, 52, 2048));
    ALL.put("65B", llama(8192, 22016, 80, 64, 64, 2048));
    ALL.put("70B", llama(8192, 28672, 80, 64, 8, 4096));
  }

  private KnownModels() {}

  /// Returns the shape of the model with this name, in upper or lower case.
  public static Optional<ModelConfig> named(String name) {
    return Optional.ofNullable(ALL.get(name.toUpperCase(Locale.ROOT)));
  }

  /// Lists the names of all known models, the smallest first.
  public static List<String> names() {
    return List.copyOf(ALL.keySet());
  }

  private static ModelConfig llama(
      int hidden, int inner, int layers, int heads, int keyValueHeads, int positions) {
    return ModelConfig.llama(
        hidden,
        inner,
        layers,
        heads,
        keyValueHeads,
        hidden / heads,
        32000,
        positions,
        1e-5,
        false,
        false,
        false,
        new RopeParameters.Default(10_000),
        1,
        List.of(2));
  }
}
