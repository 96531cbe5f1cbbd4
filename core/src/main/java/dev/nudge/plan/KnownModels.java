package dev.nudge.plan;

import static dev.nudge.model.family.ModelConfig.llama;

import dev.nudge.model.family.ModelConfig;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/// The shapes of well-known models by name, for plans without a model folder.
///
/// 7B, 13B, 33B and 65B are LLaMA [1], 70B is Llama 2 with grouped-query attention [2], 1B, 3B and
/// 8B are short for Llama 3. The numbers are those of each model's published `config.json` (Meta,
/// Hugging Face, Qwen, Mistral AI); `KnownModelsTest` checks their sums against the published
/// parameter counts.
///
/// [1] Touvron et al., arXiv:2302.13971. [2] Touvron et al., arXiv:2307.09288.
public final class KnownModels {
  private static final String LLAMA = "llama";
  private static final String QWEN2 = "qwen2";
  private static final String QWEN3 = "qwen3";
  private static final String MISTRAL = "mistral";

  private static final Map<String, Known> ALL = new LinkedHashMap<>(); // by name in capitals

  static {
    add("7B", LLAMA, llama(4096, 11008, 32, 32, 32, 128, 32_000, 2048, false, 10_000));
    add("13B", LLAMA, llama(5120, 13824, 40, 40, 40, 128, 32_000, 2048, false, 10_000));
    add("33B", LLAMA, llama(6656, 17920, 60, 52, 52, 128, 32_000, 2048, false, 10_000));
    add("65B", LLAMA, llama(8192, 22016, 80, 64, 64, 128, 32_000, 2048, false, 10_000));
    add("70B", LLAMA, llama(8192, 28672, 80, 64, 8, 128, 32_000, 4096, false, 10_000));

    add("Llama-3.2-1B", LLAMA, llama(2048, 8192, 16, 32, 8, 64, 128_256, 131_072, true, 500_000));
    add("Llama-3.2-3B", LLAMA, llama(3072, 8192, 28, 24, 8, 128, 128_256, 131_072, true, 500_000));
    add(
        "Llama-3.1-8B",
        LLAMA,
        llama(4096, 14336, 32, 32, 8, 128, 128_256, 131_072, false, 500_000));
    add(
        "Llama-3.1-70B",
        LLAMA,
        llama(8192, 28672, 80, 64, 8, 128, 128_256, 131_072, false, 500_000));
    ALL.put("1B", shape("Llama-3.2-1B"));
    ALL.put("3B", shape("Llama-3.2-3B"));
    ALL.put("8B", shape("Llama-3.1-8B"));

    add("SmolLM2-135M", LLAMA, llama(576, 1536, 30, 9, 3, 64, 49_152, 8192, true, 100_000));
    add("SmolLM2-360M", LLAMA, llama(960, 2560, 32, 15, 5, 64, 49_152, 8192, true, 100_000));
    add("SmolLM2-1.7B", LLAMA, llama(2048, 8192, 24, 32, 32, 64, 49_152, 8192, true, 130_000));

    qwen2("0.5B", llama(896, 4864, 24, 14, 2, 64, 151_936, 32_768, true, 1e6));
    qwen2("1.5B", llama(1536, 8960, 28, 12, 2, 128, 151_936, 131_072, true, 1e6));
    qwen2("3B", llama(2048, 11008, 36, 16, 2, 128, 151_936, 32_768, true, 1e6));
    qwen2("7B", llama(3584, 18944, 28, 28, 4, 128, 152_064, 131_072, false, 1e6));
    qwen2("14B", llama(5120, 13824, 48, 40, 8, 128, 152_064, 131_072, false, 1e6));
    qwen2("32B", llama(5120, 27648, 64, 40, 8, 128, 152_064, 131_072, false, 1e6));
    qwen2("72B", llama(8192, 29568, 80, 64, 8, 128, 152_064, 131_072, false, 1e6));

    qwen3("0.6B", llama(1024, 3072, 28, 16, 8, 128, 151_936, 40_960, true, 1e6));
    qwen3("1.7B", llama(2048, 6144, 28, 16, 8, 128, 151_936, 40_960, true, 1e6));
    qwen3("4B", llama(2560, 9728, 36, 32, 8, 128, 151_936, 40_960, true, 1e6));
    qwen3("8B", llama(4096, 12288, 36, 32, 8, 128, 151_936, 40_960, false, 1e6));
    qwen3("14B", llama(5120, 17408, 40, 40, 8, 128, 151_936, 40_960, false, 1e6));
    qwen3("32B", llama(5120, 25600, 64, 64, 8, 128, 151_936, 40_960, false, 1e6));

    add("Mistral-7B", MISTRAL, llama(4096, 14336, 32, 32, 8, 128, 32_768, 32_768, false, 1e6));
    add("Mistral-Nemo", MISTRAL, llama(5120, 14336, 40, 32, 8, 128, 131_072, 131_072, false, 1e6));
    add(
        "Mistral-Small-24B",
        MISTRAL,
        llama(5120, 32768, 40, 32, 8, 128, 131_072, 32_768, false, 1e8));
  }

  private record Known(String name, ModelConfig config) {}

  private KnownModels() {}

  /// Returns the shape of the model with this name, ignoring case.
  public static Optional<ModelConfig> named(String name) {
    return Optional.ofNullable(ALL.get(name.toUpperCase(Locale.ROOT))).map(Known::config);
  }

  /// Lists the names of all known models, a family's smallest first.
  public static List<String> names() {
    return ALL.entrySet().stream()
        .map(e -> e.getKey().equalsIgnoreCase(e.getValue().name) ? e.getValue().name : e.getKey())
        .toList();
  }

  private static Known shape(String name) {
    return Objects.requireNonNull(ALL.get(name.toUpperCase(Locale.ROOT)));
  }

  private static void add(String name, String family, ModelConfig config) {
    ALL.put(name.toUpperCase(Locale.ROOT), new Known(name, config.in(family)));
  }

  private static void qwen2(String size, ModelConfig config) {
    add("Qwen2.5-" + size, QWEN2, config);
  }

  private static void qwen3(String size, ModelConfig config) {
    add("Qwen3-" + size, QWEN3, config);
  }
}
