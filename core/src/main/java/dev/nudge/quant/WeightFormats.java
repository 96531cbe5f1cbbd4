package dev.nudge.quant;

import dev.nudge.format.ConfigJson;
import dev.nudge.format.WeightFile;
import dev.nudge.settings.verb.Quantize;
import dev.nudge.settings.verb.QuantizeSettings;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Lists the quantisation formats. Weights in none of them are dense.
public final class WeightFormats {
  /// The key of `config.json` that declares a format.
  public static final String KEY = "quantization_config";

  /// The same key in old files of compressed-tensors.
  public static final String OLD_KEY = "compression_config";

  private static final List<WeightFormat> ALL =
      List.of(
          new Nf4Format(true),
          AwqFormat.UNKNOWN,
          GptqFormat.UNKNOWN,
          PackedFormat.UNKNOWN,
          new Mxfp4Format(),
          Fp8Format.USUAL,
          GgufFormat.ANY);

  private WeightFormats() {}

  /// Returns the format to which dense weights are quantised; null: they stay dense.
  ///
  /// @param doubleQuant null: yes
  public static @Nullable WritableFormat of(
      @Nullable Quantize method, @Nullable Boolean doubleQuant) {
    return switch (method) {
      case null -> null;
      case NONE -> null;
      case NF4 -> new Nf4Format(doubleQuant == null || doubleQuant);
    };
  }

  /// The format that `quantize` writes without calibration.
  public static WritableFormat written(QuantizeSettings settings) {
    return switch (settings.method()) {
      case NF4 -> new Nf4Format(settings.doubleQuant());
      case GPTQ, AWQ -> throw new IllegalArgumentException(settings.method() + " needs rows");
    };
  }

  /// A format's keys in a file: its name as `method`, and its variant's fields.
  ///
  /// @param format null: dense
  public static Map<String, Object> kept(@Nullable WeightFormat format) {
    Map<String, Object> kept = new LinkedHashMap<>();
    kept.put("method", format == null ? Quantize.NONE.shown() : format.name());
    if (format != null) {
      kept.putAll(format.variant());
    }
    return kept;
  }

  /// Returns the format from its keys in a file; null: dense, or unknown.
  public static @Nullable WeightFormat named(Map<String, ?> kept) {
    return ALL.stream()
        .filter(format -> format.name().equals(kept.get("method")))
        .findFirst()
        .map(format -> format.in(kept))
        .orElse(null);
  }

  /// A description of weights in a format, for messages.
  ///
  /// @param format null: dense
  public static String shown(@Nullable WeightFormat format) {
    return format == null ? "dense weights" : "weights in " + format.shown();
  }

  /// The names of the formats to which weights can be quantised, for messages.
  public static String names() {
    return ALL.stream()
        .filter(WritableFormat.class::isInstance)
        .map(WeightFormat::name)
        .collect(Collectors.joining(" or "));
  }

  /// Finds a model folder's format: its config's, else the first that its tensors have; null: all
  /// weights are dense.
  ///
  /// @param q the `quantization_config`; null if there is none
  public static @Nullable WeightFormat in(@Nullable ConfigJson q, WeightFile file) {
    if (q != null) {
      return declared(q);
    }
    for (WeightFormat format : ALL) {
      if (file.names().stream().anyMatch(name -> format.stores(file, module(name)))) {
        return format;
      }
    }
    return null;
  }

  /// A `config.json`'s quantisation config; null: none.
  public static @Nullable ConfigJson declaration(ConfigJson config) {
    ConfigJson q = config.object(KEY);
    ConfigJson old = config.object(OLD_KEY);
    if (q != null || old == null) {
      return q;
    }
    ConfigJson inner = old.object(KEY);
    return inner == null ? old : inner;
  }

  /// Whether a file beside `config.json` is a config of GPTQ or AWQ, as in old folders.
  public static boolean isDeclaration(ConfigJson beside) {
    String method = QuantMethod.of(beside);
    return method.equals(QuantMethod.GPTQ) || method.equals(QuantMethod.AWQ);
  }

  /// The module of a tensor, from its name alone.
  public static String module(String tensor) {
    return tensor.substring(0, Math.max(0, tensor.lastIndexOf('.')));
  }

  /// The format that a `quantization_config` declares.
  ///
  /// @throws dev.nudge.settings.InputException if the format is unknown
  public static WeightFormat declared(ConfigJson q) {
    String method = QuantMethod.of(q);
    for (WeightFormat format : ALL) {
      if (format.quantMethod().equals(method)) {
        return format.declared(q);
      }
    }
    throw q.refuse(
        "quant_method "
            + ConfigJson.quote(method)
            + " is not supported; supported: "
            + ALL.stream()
                .filter(f -> !f.equals(GgufFormat.ANY)) // no config declares GGUF
                .map(WeightFormats::supported)
                .collect(Collectors.joining(", ")));
  }

  private static String supported(WeightFormat format) {
    long bits = 8 * format.dry("", 64, 64).parts().getFirst().bytes() / (64 * 64);
    String method = format.quantMethod();
    return method.equals(format.name())
        ? method
        : method + " (" + bits + "-bit " + format.name() + ")";
  }
}
