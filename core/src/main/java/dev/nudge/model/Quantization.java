package dev.nudge.model;

import dev.nudge.format.SafeTensors;
import dev.nudge.settings.InputException;
import dev.nudge.settings.ModelSettings;
import dev.nudge.settings.Quantize;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// Says how the weights of a model's linear layers are held: what was asked for, and what the files
/// say.
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

  /// Settles how a model's weights are held: a dense model is quantised where that is wanted, one
  /// that is stored in NF4 stays as it is.
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
    return settle(
        settings, quantised.isEmpty() ? NONE : new Quantization(Quantize.NF4, nested, left));
  }

  /// Settles how weights that are not on this machine are held, from `config.json` alone; without
  /// one, nothing is stored.
  ///
  /// @throws InputException where the settings and the config disagree
  public static Quantization expected(ModelSettings settings, ModelConfig config) {
    return settle(settings, stored(settings.model(), config));
  }

  /// Reads from a folder's `config.json` how its weights are stored.
  public static Quantization stored(Path folder, ModelConfig config) {
    Path file = folder.resolve(ModelFolder.CONFIG);
    ConfigJson q = Files.isRegularFile(file) ? ConfigJson.read(file).object(BnbConfig.KEY) : null;
    return q == null ? NONE : BnbConfig.stored(q, config);
  }

  private static Quantization settle(ModelSettings settings, Quantization stored) {
    Boolean doubleQuant = settings.doubleQuant();
    String flag = Boolean.TRUE.equals(doubleQuant) ? "--double-quant" : "--no-double-quant";
    if (stored.method == Quantize.NONE) {
      if (settings.quantize() == Quantize.NF4) {
        return nf4(doubleQuant == null || doubleQuant);
      }
      if (doubleQuant != null) {
        throw new InputException(
            flag
                + ": the weights in "
                + settings.model()
                + " are dense; give --quantize nf4 too, or leave the flag out");
      }
      return NONE;
    }
    if (settings.quantize() == Quantize.NONE) {
      throw new InputException(
          "--quantize none: the weights in "
              + settings.model()
              + " are stored in nf4; leave --quantize out, or give a folder with dense weights");
    }
    if (doubleQuant != null && doubleQuant != stored.doubleQuant) {
      throw new InputException(
          flag
              + ": the weights in "
              + settings.model()
              + " are stored "
              + (stored.doubleQuant ? "with" : "without")
              + " double quantisation; leave the flag out");
    }
    return stored;
  }

  /// A `config.json` as a dense model has it: without `quantization_config`.
  public static Map<String, @Nullable Object> withoutConfig(Path file) {
    Map<String, @Nullable Object> values = ConfigJson.read(file).plain();
    values.remove(BnbConfig.KEY);
    return values;
  }

  /// Tells whether the tensor of this name is held in NF4.
  public boolean holds(String name, long[] shape) {
    String path = ModelConfig.projection(name, shape);
    return path != null && covers(path);
  }

  /// Tells whether the layer at this path is held in NF4.
  public boolean covers(String path) {
    return method == Quantize.NF4 && !left.contains(path);
  }
}
