package dev.nudge.bench.measure;

import static dev.nudge.model.family.ModelConfig.llama;

import dev.nudge.model.Quantization;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.quant.Nf4Format;
import java.util.LinkedHashMap;
import java.util.Map;

/// Model shapes for measurements with random weights.
public final class BenchModels {
  public static final ModelConfig SMOLLM2_135M =
      llama(576, 1536, 30, 9, 3, 64, 49152, 8192, true, 100_000);

  /// The names of the shapes whose step fits in memory.
  public static final String ROOFLINE = "135m|tiny|llama-3.2-1b|7b";

  private static final Map<String, ModelConfig> ALL = new LinkedHashMap<>();

  static {
    ALL.put("135m", SMOLLM2_135M);
    ALL.put("tiny", llama(256, 768, 4, 4, 2, 64, 4096, 8192, true, 10_000));
    ALL.put("llama-3.2-1b", llama(2048, 8192, 16, 32, 8, 64, 128_256, 131_072, true, 500_000));
    ALL.put("7b", llama(4096, 11008, 32, 32, 32, 128, 32000, 4096, false, 10_000));
    ALL.put("13b", llama(5120, 13824, 40, 40, 40, 128, 32000, 4096, false, 10_000));
    ALL.put("33b", llama(6656, 17920, 60, 52, 52, 128, 32000, 2048, false, 10_000));
    ALL.put("65b", llama(8192, 22016, 80, 64, 64, 128, 32000, 2048, false, 10_000));
    ALL.put("70b", llama(8192, 28672, 80, 64, 8, 128, 32000, 4096, false, 10_000));
  }

  private BenchModels() {}

  /// The names of all shapes, joined by bars for [BenchFlags].
  static String names() {
    return String.join("|", ALL.keySet());
  }

  public static ModelConfig named(String name) {
    ModelConfig shape = ALL.get(name);
    if (shape == null) {
      throw new IllegalArgumentException("no shape " + name + "; there are " + names());
    }
    return shape;
  }

  /// Reads `--quantize`: none, or NF4 with double quantisation.
  public static Quantization quantization(BenchFlags flags) {
    return flags.text("quantize").equals("nf4")
        ? Quantization.of(new Nf4Format(true))
        : Quantization.NONE;
  }

  /// Returns the shape with another number of layers.
  public static ModelConfig layers(ModelConfig c, int layers) {
    return c.sized(
        c.hiddenSize(),
        c.intermediateSize(),
        layers,
        c.numAttentionHeads(),
        c.numKeyValueHeads(),
        c.vocabSize());
  }
}
