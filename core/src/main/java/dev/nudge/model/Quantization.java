package dev.nudge.model;

import dev.nudge.format.ConfigJson;
import dev.nudge.format.SafeTensors;
import dev.nudge.quant.WeightFormat;
import dev.nudge.quant.WeightFormats;
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
/// @param format of the layers; null: they are dense
/// @param left paths of layers that a quantised checkpoint left as they were
public record Quantization(@Nullable WeightFormat format, Set<String> left) {
  /// Dense layers in the compute type.
  public static final Quantization NONE = new Quantization(null, Set.of());

  public Quantization {
    left = Set.copyOf(left);
  }

  /// One format in every layer.
  public static Quantization of(WeightFormat format) {
    return new Quantization(format, Set.of());
  }

  /// What a flag asks for in every layer.
  public static Quantization of(Quantize method, boolean doubleQuant) {
    WeightFormat format = WeightFormats.of(method, doubleQuant);
    return format == null ? NONE : of(format);
  }

  /// How `--quantize` and `nudge.json` name it.
  public Quantize method() {
    return format == null ? Quantize.NONE : format.method();
  }

  /// Whether scales are quantised too.
  public boolean doubleQuant() {
    return format != null && format.doubleQuant();
  }

  /// Whether the layers are in another form than dense.
  public boolean any() {
    return format != null;
  }

  /// The format's name in messages.
  public String name() {
    return format == null ? "a float type" : format.name();
  }

  /// Settles how a model's weights are held: a dense model is quantised where that is wanted, one
  /// that is stored quantised stays as it is.
  ///
  /// @throws InputException where the settings and the files disagree
  public static Quantization resolve(ModelSettings settings, ModelConfig config) {
    Set<String> left = new TreeSet<>();
    WeightFormat format = null;
    try (SafeTensors file = SafeTensors.open(settings.model())) {
      for (String path : config.projections()) {
        WeightFormat here = WeightFormats.in(file, path + ".weight");
        if (here == null) {
          left.add(path);
        } else if (format != null && format.method() != here.method()) {
          throw new InputException(
              file.file(path + ".weight")
                  + ": "
                  + path
                  + " is stored in "
                  + here.name()
                  + " and other layers in "
                  + format.name()
                  + "; one format is supported");
        } else if (format == null || here.doubleQuant()) {
          format = here;
        }
      }
    }
    return settle(settings, format == null ? NONE : new Quantization(format, left));
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
    ConfigJson q =
        Files.isRegularFile(file) ? ConfigJson.read(file).object(WeightFormats.KEY) : null;
    return q == null ? NONE : declared(q, config);
  }

  /// A layer stays dense where the config names it or a module on its path, whole segments.
  private static Quantization declared(ConfigJson q, ModelConfig config) {
    WeightFormat format = WeightFormats.declared(q);
    Set<String> left = new TreeSet<>();
    for (String path : config.projections()) {
      for (String skipped : format.skipped(q)) {
        String part = "." + skipped + ".";
        if (("." + path + ".").contains(part) || ("." + config.module(path) + ".").contains(part)) {
          left.add(path);
        }
      }
    }
    return new Quantization(format, left);
  }

  private static Quantization settle(ModelSettings settings, Quantization stored) {
    Boolean doubleQuant = settings.doubleQuant();
    String flag = Boolean.TRUE.equals(doubleQuant) ? "--double-quant" : "--no-double-quant";
    if (!stored.any()) {
      WeightFormat wanted = WeightFormats.of(settings.quantize(), doubleQuant);
      if (wanted != null) {
        return of(wanted);
      }
      if (doubleQuant != null) {
        throw new InputException(
            flag
                + ": the weights in "
                + settings.model()
                + " are dense; give --quantize "
                + WeightFormats.names()
                + " too, or leave the flag out");
      }
      return NONE;
    }
    if (settings.quantize() != null && settings.quantize() != stored.method()) {
      throw new InputException(
          "--quantize "
              + settings.quantize().shown()
              + ": the weights in "
              + settings.model()
              + " are stored in "
              + stored.name()
              + "; leave --quantize out, or give a folder with dense weights");
    }
    if (doubleQuant != null && doubleQuant != stored.doubleQuant()) {
      throw new InputException(
          flag
              + ": the weights in "
              + settings.model()
              + " are stored "
              + (stored.doubleQuant() ? "with" : "without")
              + " double quantisation; leave the flag out");
    }
    return stored;
  }

  /// A `config.json` as a dense model has it: without `quantization_config`.
  public static Map<String, @Nullable Object> withoutConfig(Path file) {
    Map<String, @Nullable Object> values = ConfigJson.read(file).plain();
    values.remove(WeightFormats.KEY);
    return values;
  }

  /// The format in which the tensor of this name is held; null: it is dense.
  public @Nullable WeightFormat format(String name, long[] shape) {
    String path = ModelConfig.projection(name, shape);
    return path != null && covers(path) ? format : null;
  }

  /// Tells whether the layer at this path is quantised.
  public boolean covers(String path) {
    return format != null && !left.contains(path);
  }
}
