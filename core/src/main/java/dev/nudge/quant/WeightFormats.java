package dev.nudge.quant;

import dev.nudge.format.ConfigJson;
import dev.nudge.format.SafeTensors;
import dev.nudge.settings.Quantize;
import dev.nudge.settings.QuantizeSettings;
import java.util.List;
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
  public static @Nullable WeightFormat of(
      @Nullable Quantize method, @Nullable Boolean doubleQuant) {
    return switch (method) {
      case null -> null;
      case NONE -> null;
      case NF4 -> new Nf4Format(doubleQuant == null || doubleQuant);
    };
  }

  /// The names of all, for messages.
  public static String names() {
    return ALL.stream().map(WeightFormat::name).collect(Collectors.joining(" or "));
  }

  /// The format that `quantize` writes.
  public static WeightFormat written(QuantizeSettings settings) {
    return switch (settings.method()) {
      case NF4 -> new Nf4Format(settings.doubleQuant());
    };
  }

  /// The format in which a file stores a tensor; null: it is dense.
  public static @Nullable WeightFormat in(SafeTensors file, String weight) {
    for (WeightFormat format : ALL) {
      WeightFormat here = format.in(file, weight);
      if (here != null) {
        return here;
      }
    }
    return null;
  }

  /// The format that a `quantization_config` declares.
  ///
  /// @throws dev.nudge.settings.InputException where it is none of these
  public static WeightFormat declared(ConfigJson q) {
    String method = q.text("quant_method", ALL.getFirst().quantMethod());
    for (WeightFormat format : ALL) {
      if (format.quantMethod().equals(method)) {
        format.check(q);
        return format.declared(q);
      }
    }
    throw q.refuse(
        "quant_method "
            + ConfigJson.quote(method)
            + " is not supported; supported: "
            + ALL.stream()
                .map(f -> f.quantMethod() + " (4-bit " + f.name() + ")")
                .collect(Collectors.joining(", ")));
  }
}
