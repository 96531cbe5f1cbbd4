package dev.nudge.model;

import dev.nudge.format.ConfigJson;
import dev.nudge.quant.WeightFormat;
import dev.nudge.quant.WeightFormats;
import dev.nudge.quant.WritableFormat;
import dev.nudge.settings.InputException;
import dev.nudge.settings.ModelSettings;
import dev.nudge.settings.ModelWithers;
import dev.nudge.settings.Quantize;
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
  ///
  /// @param format null: dense
  public static Quantization of(@Nullable WeightFormat format) {
    return format == null ? NONE : new Quantization(format, Set.of());
  }

  /// What a flag asks for in every layer.
  public static Quantization of(Quantize method, boolean doubleQuant) {
    return of(WeightFormats.of(method, doubleQuant));
  }

  /// The settings that ask for it, where they can: weights in other formats are taken as stored.
  public <S extends Record & ModelWithers<S>> S asking(S settings) {
    if (format == null) {
      return settings.withQuantize(Quantize.NONE);
    }
    S asking = settings;
    if (format instanceof WritableFormat writable) {
      asking = asking.withQuantize(writable.method());
      for (Map.Entry<String, Object> e : format.variant().entrySet()) {
        asking = asking.with(e.getKey(), e.getValue());
      }
    }
    return asking;
  }

  /// What `run.json` keeps of it.
  public Map<String, Object> kept() {
    return WeightFormats.kept(format);
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
    try (ModelWeights weights = ModelWeights.open(settings.model(), config)) {
      return settle(settings, weights.layers());
    }
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
    ConfigJson q = ModelWeights.declared(folder);
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
      Quantization wanted = of(WeightFormats.of(settings.quantize(), doubleQuant));
      if (!wanted.any() && doubleQuant != null) {
        throw new InputException(
            flag
                + ": the weights in "
                + settings.model()
                + " are dense; give --quantize "
                + WeightFormats.names()
                + " too, or leave the flag out");
      }
      return wanted;
    }
    ModelSettings asks = stored.asking(settings.held(null, null));
    if (settings.quantize() != null && settings.quantize() != asks.quantize()) {
      throw new InputException(
          "--quantize "
              + settings.quantize().shown()
              + ": the weights in "
              + settings.model()
              + " are stored in "
              + stored.name()
              + "; leave --quantize out, or give a folder with dense weights");
    }
    if (doubleQuant != null && doubleQuant != Boolean.TRUE.equals(asks.doubleQuant())) {
      throw new InputException(
          flag
              + ": the weights in "
              + settings.model()
              + " are stored "
              + (doubleQuant ? "without" : "with")
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

  /// The format in which a dense tensor of this name is made; null: it stays dense.
  @Nullable WritableFormat making(String name, long[] shape) {
    return format(name, shape) instanceof WritableFormat writable ? writable : null;
  }

  /// Tells whether the layer at this path is quantised.
  public boolean covers(String path) {
    return format != null && !left.contains(path);
  }
}
