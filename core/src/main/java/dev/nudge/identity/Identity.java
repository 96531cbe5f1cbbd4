package dev.nudge.identity;

import dev.nudge.format.FoldedScales;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.format.Sha256;
import dev.nudge.python.PythonJson;
import dev.nudge.quant.WeightFormat;
import dev.nudge.quant.WeightFormats;
import dev.nudge.quant.WritableFormat;
import dev.nudge.settings.InputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Identifies what an adapter was trained on, as stored in `nudge.json` beside it.
///
/// @param base digests ([BaseDigest]) of the weights, and of the weights from which they were
///     quantised; the adapter fits either
/// @param format in which the weights were held; null: dense
/// @param tokenizer digest of `tokenizer.json`; null: there was none
/// @param template digest of the chat template; null: there was none
/// @param data describes the training data, for people
public record Identity(
    List<String> base,
    @Nullable WeightFormat format,
    @Nullable String tokenizer,
    @Nullable String template,
    Map<String, @Nullable Object> data) {
  /// The name of the file beside an adapter.
  public static final String FILE = "nudge.json";

  /// The key, in a quantised model's `nudge.json`, of the digest of its source model.
  public static final String SOURCE_DIGEST = "source_digest";

  private static final int VERSION = 1;

  public Identity {
    base = List.copyOf(base);
  }

  /// The model that an adapter is trained on or attached to.
  ///
  /// @param format in which its weights are held; null: dense
  /// @param digest computes the digest of its weights; called only if needed
  public record Model(Path folder, @Nullable WeightFormat format, Supplier<String> digest) {}

  /// Makes the identity of an adapter that is trained on a model.
  public static Identity of(Model model, Map<String, @Nullable Object> data) {
    return of(model, null, data);
  }

  /// Makes the identity of an adapter whose rows were rendered by another chat template.
  ///
  /// @param template digest of the template; null: the model's own template
  public static Identity of(
      Model model, @Nullable String template, Map<String, @Nullable Object> data) {
    List<String> base = new ArrayList<>(List.of(model.digest.get()));
    String source = source(model.folder);
    if (source != null) {
      base.add(source);
    }
    return new Identity(
        base,
        model.format,
        Sha256.of(model.folder.resolve("tokenizer.json")),
        template == null ? template(model.folder) : template,
        data);
  }

  /// Checks that an adapter was trained on this model.
  ///
  /// @param anyBase accept any base
  /// @param warnings receives one line each: a run that has not finished, no file, or a difference
  ///     that may be intended
  /// @return what the adapter was trained on; null if unknown
  /// @throws InputException if the adapter was trained on another base
  public static @Nullable Identity check(
      Path adapter, Model model, boolean anyBase, Consumer<String> warnings) {
    return check(adapter.toString(), adapter, model, anyBase, warnings);
  }

  /// Checks that an adapter was trained on this model.
  ///
  /// @param called name of the adapter in messages
  public static @Nullable Identity check(
      String called, Path adapter, Model model, boolean anyBase, Consumer<String> warnings) {
    UnfinishedRun.warn(called, adapter, warnings);
    Identity trained = read(adapter, anyBase);
    if (trained == null) {
      if (!anyBase) {
        warnings.accept(
            "adapter %s has no %s: whether %s is its base is not known"
                .formatted(called, FILE, model.folder));
      }
      return null;
    }
    if (!anyBase) {
      trained.checkBase(called, model);
    }
    trained.compare(called, adapter, model, warnings);
    return trained;
  }

  private void checkBase(String called, Model model) {
    String source = source(model.folder);
    if (source != null && base.contains(source)) {
      return;
    }
    String own = model.digest.get();
    if (!base.contains(own)) {
      throw new InputException(
          "adapter %s was trained on another base: its weights have the digest %s, those of %s have %s; give --model its base, or --any-base"
              .formatted(
                  called,
                  base.isEmpty() ? "(none)" : Sha256.shown(base.getFirst()),
                  model.folder,
                  Sha256.shown(own)));
    }
  }

  /// The scales by which an adapter must be changed to fit a model: it was trained on the model's
  /// source, or on another form of that, and `quantize --method awq` scaled what it stands on.
  ///
  /// @return null: the adapter fits as it is, or what it was trained on is not known
  public static @Nullable FoldedScales folded(Path adapter, Model model, boolean anyBase) {
    FoldedScales scales = FoldedScales.of(model.folder);
    Identity trained = scales == null ? null : read(adapter, anyBase);
    return trained == null
            || !trained.base.contains(source(model.folder))
            || trained.base.contains(model.digest.get())
        ? null
        : scales;
  }

  private void compare(String called, Path adapter, Model model, Consumer<String> warnings) {
    if (!Objects.equals(format, model.format)) {
      warnings.accept(
          "adapter %s was trained on %s; this model has %s%s%s"
              .formatted(
                  called,
                  held(),
                  WeightFormats.shown(model.format),
                  apart(model.folder),
                  model.format == null && format instanceof WritableFormat writable
                      ? "; %s gives what it was trained on".formatted(writable.flags())
                      : ""));
    }
    if (!Objects.equals(tokenizer, Sha256.of(model.folder.resolve("tokenizer.json")))) {
      warnings.accept(
          "adapter %s was trained with another tokenizer.json than that of %s"
              .formatted(called, model.folder));
    }
    // an adapter whose folder has a template is asked by that one
    boolean own = template != null && template.equals(template(adapter));
    if (!own && !Objects.equals(template, template(model.folder))) {
      warnings.accept(
          "adapter %s was trained with another chat template than that of %s"
              .formatted(called, model.folder));
    }
  }

  /// How far a quantised folder says that it is from its source; empty if it does not say.
  private static String apart(Path model) {
    JsonNode all = Json.readOrMissing(model.resolve(FILE));
    if (!all.has(SOURCE_DIGEST)) {
      return "";
    }
    JsonNode kl = all.path("kl");
    return kl.isNumber()
        ? String.format(
            Locale.ROOT,
            ", %.2g nats a token from their source (KL on the probe text)",
            kl.doubleValue())
        : ", how far from their source was not measured";
  }

  /// Describes in words how the weights were held.
  public String held() {
    return WeightFormats.shown(format);
  }

  /// The keys that files keep of how the weights were held.
  public Map<String, Object> quantization() {
    return WeightFormats.kept(format);
  }

  /// Reads the `nudge.json` beside an adapter; null if there is none.
  ///
  /// @param anyBase treat a file that cannot be parsed as absent
  /// @throws InputException if the file cannot be parsed
  public static @Nullable Identity read(Path adapter, boolean anyBase) {
    OutFolder.mend(adapter);
    Path file = adapter.resolve(FILE);
    if (!Files.isRegularFile(file)) {
      return null;
    }
    JsonNode all;
    try {
      all = Json.read(file, "so the adapter's base is not known; give --any-base");
    } catch (InputException e) {
      if (anyBase) {
        return null;
      }
      throw e;
    }
    JsonNode version = all.path("version");
    if (version.asInt(0) != VERSION) {
      if (anyBase) {
        return null;
      }
      throw new InputException(
          "%s: version is %s, this nudge reads %d; update nudge, or give --any-base"
              .formatted(file, version.isMissingNode() ? "missing" : version, VERSION));
    }
    List<String> base = new ArrayList<>();
    all.path("base").forEach(digest -> base.add(digest.asString("")));
    JsonNode q = all.path("quantization");
    return new Identity(
        base,
        q.isObject() ? WeightFormats.named(Json.plain(q)) : null,
        text(all, "tokenizer"),
        text(all, "template"),
        all.path("data").isObject() ? Json.plain(all.path("data")) : Map.of());
  }

  /// The pattern of its training rows, `prompt` or `completion`; null if none was set.
  public @Nullable String pattern(String name) {
    return data.get(name) instanceof String pattern ? pattern : null;
  }

  /// Whether its rows were conversations; null if that is not known.
  public @Nullable Boolean conversations() {
    return data.get("spoken") instanceof Boolean spoken ? spoken : null;
  }

  /// The system message that all its conversations began with; null: there was none.
  public @Nullable String system() {
    return data.get("system") instanceof String system ? system : null;
  }

  private static @Nullable String text(JsonNode all, String key) {
    String text = all.path(key).asString("");
    return text.isEmpty() ? null : text;
  }

  /// Writes the identity beside an adapter, as `nudge.json`.
  public void write(Path adapter) {
    Map<String, @Nullable Object> all = new LinkedHashMap<>();
    all.put("version", VERSION);
    all.put("base", base);
    all.put("quantization", quantization());
    all.put("tokenizer", tokenizer);
    all.put("template", template);
    all.put("data", data);
    OutFolder.place(adapter.resolve(FILE), PythonJson.write(all) + "\n");
  }

  /// The digest that adapters of a model and of its quantised folders have in common: of the
  /// unquantised weights, as far as the folder says what it was made from.
  ///
  /// @param cache the cache folder of the user
  /// @throws InputException if the weights cannot be read
  public static String common(Path model, Path cache) {
    String source = source(model);
    return source == null ? BaseDigest.of(model, cache) : source;
  }

  /// The digest of what a quantised folder says it was made from; null for another folder, which
  /// counts as what its weights are.
  private static @Nullable String source(Path model) {
    return text(Json.readOrMissing(model.resolve(FILE)), SOURCE_DIGEST);
  }

  /// The digest of the chat template: a file of its own, else a text in the tokenizer's config;
  /// the tokenizer says what is wrong with that file.
  private static @Nullable String template(Path model) {
    String own = Sha256.of(model.resolve("chat_template.jinja"));
    if (own != null) {
      return own;
    }
    JsonNode text =
        Json.readOrMissing(model.resolve("tokenizer_config.json")).path("chat_template");
    return text.isMissingNode() || text.isNull()
        ? null
        : Sha256.of(text.toString().getBytes(StandardCharsets.UTF_8));
  }
}
