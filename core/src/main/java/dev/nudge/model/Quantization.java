package dev.nudge.model;

import dev.nudge.format.ConfigJson;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.quant.WeightFormat;
import dev.nudge.quant.WeightFormats;
import dev.nudge.quant.WritableFormat;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.ModelWithers;
import dev.nudge.settings.verb.Quantize;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// The in-memory format of a model's linear layers: dense or quantised.
///
/// The output head and the embedding are never quantised, but may be stored so
/// ([WeightFormat#holdsEnds]).
///
/// @param format of the quantised layers; null: all are dense
/// @param left paths of layers that a quantised checkpoint keeps dense
/// @param ends paths of embedding and output head, if they are stored in the format
public record Quantization(@Nullable WeightFormat format, Set<String> left, Set<String> ends) {
  /// Dense layers in the compute type.
  public static final Quantization NONE = new Quantization(null, Set.of());

  public Quantization {
    left = Set.copyOf(left);
    ends = Set.copyOf(ends);
  }

  /// Dense embedding and output head.
  public Quantization(@Nullable WeightFormat format, Set<String> left) {
    this(format, left, Set.of());
  }

  /// One format in every layer.
  ///
  /// @param format null: dense
  public static Quantization of(@Nullable WeightFormat format) {
    return format == null ? NONE : new Quantization(format, Set.of());
  }

  /// The format of `--quantize`, in every layer.
  public static Quantization of(Quantize method, boolean doubleQuant) {
    return of(WeightFormats.of(method, doubleQuant));
  }

  /// Returns settings that request this format if they can; read-only formats need no request.
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

  /// The format's keys in `run.json`.
  public Map<String, Object> kept() {
    return WeightFormats.kept(format);
  }

  /// Whether any layer is quantised.
  public boolean any() {
    return format != null;
  }

  /// The format's name in messages.
  public String name() {
    return format == null ? "a float type" : format.name();
  }

  /// Decides how a model's weights are held: a dense model is quantised if the settings ask for it,
  /// a model stored quantised stays as stored.
  ///
  /// @throws InputException if the settings and the files disagree
  public static Quantization resolve(ModelSettings settings, ModelConfig config) {
    try (ModelWeights weights = ModelWeights.open(settings.model(), config)) {
      return settle(settings, weights.layers());
    }
  }

  /// Decides how the weights of a model that is not on this machine would be held, by `config.json`
  /// alone; without a config the model counts as dense.
  ///
  /// @throws InputException if the settings and the config disagree
  public static Quantization expected(ModelSettings settings, ModelConfig config) {
    return settle(settings, stored(settings.model(), config));
  }

  /// Reads from a folder's `config.json` how its weights are stored.
  public static Quantization stored(Path folder, ModelConfig config) {
    ConfigJson q = ModelWeights.declared(folder);
    return q == null ? NONE : declared(q, config);
  }

  /// A layer stays dense if the config names it or a module on its path, in whole path segments.
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
    Quantize given = settings.quantize();
    if (given != null && given != Quantize.NONE && given != asks.quantize()) {
      throw new InputException(
          "--quantize "
              + given.shown()
              + ": the weights in "
              + settings.model()
              + " are stored in "
              + stored.name()
              + "; leave --quantize out, or give a folder with dense weights");
    }
    if (doubleQuant != null && asks.doubleQuant() == null) {
      throw new InputException(
          "%s: the weights in %s are stored in %s, which has no double quantisation; leave the flag out"
              .formatted(flag, settings.model(), stored.name()));
    }
    if (doubleQuant != null && !doubleQuant.equals(asks.doubleQuant())) {
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

  /// A `config.json`'s values without `quantization_config`.
  public static Map<String, @Nullable Object> withoutConfig(Path file) {
    Map<String, @Nullable Object> values = ConfigJson.read(file).plain();
    values.remove(WeightFormats.KEY);
    values.remove(WeightFormats.OLD_KEY);
    return values;
  }

  /// The format in which the tensor of this name is held; null: dense.
  public @Nullable WeightFormat format(String name, long[] shape) {
    String path = ModelConfig.projection(name, shape);
    boolean held = path == null ? ends.contains(WeightFormats.module(name)) : covers(path);
    return held ? format : null;
  }

  /// The format into which a dense tensor of this name is quantised; null: it stays dense.
  @Nullable WritableFormat making(String name, long[] shape) {
    return format(name, shape) instanceof WritableFormat writable ? writable : null;
  }

  /// Tells whether the layer at this path is quantised.
  public boolean covers(String path) {
    return format != null && !left.contains(path);
  }
}
