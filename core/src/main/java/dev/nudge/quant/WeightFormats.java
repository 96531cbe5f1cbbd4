package dev.nudge.quant;

import dev.nudge.format.ConfigJson;
import dev.nudge.format.WeightFile;
import dev.nudge.settings.Quantize;
import dev.nudge.settings.QuantizeSettings;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Lists the formats of weights. What none of them holds is dense.
public final class WeightFormats {
  /// The key in `config.json` that tells of a format.
  public static final String KEY = "quantization_config";

  private static final List<WeightFormat> ALL = List.of(new Nf4Format(true));

  private WeightFormats() {}

  /// The format that dense weights are to be held in; null: they stay dense.
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

  /// The format that `quantize` writes.
  public static WritableFormat written(QuantizeSettings settings) {
    return switch (settings.method()) {
      case NF4 -> new Nf4Format(settings.doubleQuant());
    };
  }

  /// What files keep of a format: its name as `method`, and its variant.
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

  /// The format of which a file keeps this; null: dense, or none of these.
  public static @Nullable WeightFormat named(Map<String, ?> kept) {
    return ALL.stream()
        .filter(format -> format.name().equals(kept.get("method")))
        .findFirst()
        .map(format -> format.in(kept))
        .orElse(null);
  }

  /// Says in words how weights are held.
  ///
  /// @param format null: dense
  public static String shown(@Nullable WeightFormat format) {
    return format == null ? "dense weights" : "weights in " + format.shown();
  }

  /// The names of those that weights can be made in, for messages.
  public static String names() {
    return ALL.stream()
        .filter(WritableFormat.class::isInstance)
        .map(WeightFormat::name)
        .collect(Collectors.joining(" or "));
  }

  /// The format of a model folder: the one that its config declares, else the first that its file
  /// shows; null: all is dense.
  ///
  /// @param q the `quantization_config`; null where there is none
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

  /// The module that a tensor is of, by its name alone.
  public static String module(String tensor) {
    return tensor.substring(0, Math.max(0, tensor.lastIndexOf('.')));
  }

  /// The format that a `quantization_config` declares.
  ///
  /// @throws dev.nudge.settings.InputException where it is none of these
  public static WeightFormat declared(ConfigJson q) {
    String method = q.text("quant_method", ALL.getFirst().quantMethod());
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
                .map(f -> f.quantMethod() + " (" + bits(f) + "-bit " + f.name() + ")")
                .collect(Collectors.joining(", ")));
  }

  private static long bits(WeightFormat format) {
    return 8 * format.dry(64, 64).parts().getFirst().bytes() / (64 * 64);
  }
}
