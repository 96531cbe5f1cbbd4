package dev.nudge.model;

import dev.nudge.format.SafeTensors;
import dev.nudge.settings.InputException;
import dev.nudge.settings.ModelSettings;
import dev.nudge.settings.Quantize;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// How the weights of a model's linear layers are held: what was asked for, and what the files say.
///
/// The output head and the embedding are never quantised.
///
/// @param doubleQuant whether the scales of the blocks are quantised too
/// @param left paths of layers that a quantised checkpoint left as they were
public record Quantization(Quantize method, boolean doubleQuant, Set<String> left) {
  /// Dense layers in the compute type.
  public static final Quantization NONE = new Quantization(Quantize.NONE, false, Set.of());

  public Quantization {
    left = Set.copyOf(left);
  }

  /// NF4 in every layer.
  public static Quantization nf4(boolean doubleQuant) {
    return new Quantization(Quantize.NF4, doubleQuant, Set.of());
  }

  /// Settles it for a model: a dense one is quantised where that is wanted, one that is stored in
  /// NF4 stays as it is.
  ///
  /// @throws InputException where the settings and the files disagree
  public static Quantization resolve(ModelSettings settings, ModelConfig config) {
    Set<String> quantised = new TreeSet<>();
    Set<String> left = new TreeSet<>();
    boolean nested = false;
    try (SafeTensors file = SafeTensors.open(settings.model())) {
      for (String path : config.projections()) {
        String weight = path + ".weight";
        (StoredNf4.is(file, weight) ? quantised : left).add(path);
        nested |= file.names().contains(weight + ".nested_absmax");
      }
    }
    if (quantised.isEmpty()) {
      return settings.quantize() == Quantize.NF4
          ? nf4(settings.doubleQuant() == null || settings.doubleQuant())
          : NONE;
    }
    if (settings.quantize() == Quantize.NONE) {
      throw new InputException(
          "--quantize none: the weights in "
              + settings.model()
              + " are stored in nf4; leave --quantize out, or give a folder with dense weights");
    }
    if (settings.doubleQuant() != null && settings.doubleQuant() != nested) {
      throw new InputException(
          (nested ? "--no-double-quant" : "--double-quant")
              + ": the weights in "
              + settings.model()
              + " are stored "
              + (nested ? "with" : "without")
              + " double quantisation; leave the flag out");
    }
    return new Quantization(Quantize.NF4, nested, left);
  }

  /// A `config.json` as a dense model has it: without `quantization_config`.
  public static Map<String, @Nullable Object> withoutConfig(Path file) {
    Map<String, @Nullable Object> values = ConfigJson.read(file).plain();
    values.remove(BnbConfig.KEY);
    return values;
  }

  /// Whether the layer at this path is held in NF4.
  public boolean covers(String path) {
    return method == Quantize.NF4 && !left.contains(path);
  }
}
