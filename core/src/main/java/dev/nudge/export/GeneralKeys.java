package dev.nudge.export;

import dev.nudge.format.GgufFile;
import dev.nudge.format.Json;
import dev.nudge.gguf.GgufArchitecture;
import dev.nudge.gguf.GgufFiles;
import dev.nudge.gguf.GgufPairs;
import dev.nudge.settings.HubName;
import dev.nudge.settings.verb.ExportSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// The keys `general.…`: what the file holds, its name, licence and base model. Of a GGUF file that
/// is exported those that people wrote are kept.
///
/// @param licence null: none is known
record GeneralKeys(Path model, @Nullable Path adapter, String name, @Nullable String licence) {
  private static final Set<String> OURS =
      Set.of(
          "general.alignment",
          "general.architecture",
          "general.type",
          "general.file_type",
          "general.quantization_version");
  private static final Pattern FRONT = Pattern.compile("(?s)\\A---\\R(.*?)\\R---");
  private static final Pattern LICENCE =
      Pattern.compile("(?m)^licen[cs]e:[ \\t]*[\"']?([\\w.+-]+)[\"']?[ \\t]*$");
  private static final Pattern PHI = Pattern.compile("(?i)(phi)-?3");
  private static final Pattern NAME = Pattern.compile("[\\w.-]+/[\\w.-]+");

  static GeneralKeys of(ExportSettings settings, Consumer<String> warnings) {
    Path model = settings.model();
    String name = HubName.last(model);
    name = name.substring(name.lastIndexOf('/') + 1);
    String licence = settings.licence() == null ? licence(model) : settings.licence();
    if (licence == null) {
      warnings.accept("%s names no licence, so the file has none; give --licence".formatted(model));
    }
    return new GeneralKeys(model, settings.adapter(), name, licence);
  }

  static @Nullable String licence(Path model) {
    return GgufFile.is(model) ? ofFile(model) : ofReadme(model.resolve("README.md"));
  }

  private static @Nullable String ofFile(Path gguf) {
    try (GgufFiles files = GgufFiles.open(gguf)) {
      return files.metadata().text("general.license");
    }
  }

  private static @Nullable String ofReadme(Path file) {
    try {
      Matcher front = FRONT.matcher(Files.isRegularFile(file) ? Files.readString(file) : "");
      Matcher licence = LICENCE.matcher(front.find() ? front.group(1) : "");
      return licence.find() ? licence.group(1) : null;
    } catch (IOException e) {
      return null; // a README that is no text names none
    }
  }

  /// Puts the keys of a model.
  void model(GgufPairs pairs, GgufArchitecture architecture, MatrixTypes types) {
    put(pairs, architecture, "model");
    pairs.whole("general.file_type", types.fileType());
    if (types.wanted().ordinal() > ExportSettings.Type.BF16.ordinal()) {
      pairs.whole("general.quantization_version", 2);
    }
  }

  /// Puts the keys that models and adapters have.
  ///
  /// @param kind `model` or `adapter`
  void put(GgufPairs pairs, GgufArchitecture architecture, String kind) {
    pairs.text("general.architecture", architecture.key());
    pairs.text("general.type", kind);
    pairs.text("general.name", name);
    String base = base();
    if (base != null) {
      pairs.whole("general.base_model.count", 1);
      pairs.text("general.base_model.0.name", base.substring(base.indexOf('/') + 1));
      pairs.text("general.base_model.0.organization", base.substring(0, base.indexOf('/')));
    }
    copy(pairs, "general.");
    if (licence != null) {
      pairs.text("general.license", licence);
    }
  }

  /// The base model's name on the hub; null: not known.
  private @Nullable String base() {
    String name = HubName.of(model);
    if (name == null && adapter != null) {
      String named =
          Json.readOrMissing(adapter.resolve("adapter_config.json"))
              .path("base_model_name_or_path")
              .asString("");
      name = NAME.matcher(named).matches() && !Files.exists(Path.of(named)) ? named : null;
    }
    return name;
  }

  /// Puts the tokenizer of a GGUF file as it stands there.
  void copyTokenizer(GgufPairs pairs) {
    copy(pairs, "tokenizer.");
  }

  private void copy(GgufPairs pairs, String prefix) {
    if (GgufFile.is(model)) {
      try (GgufFiles files = GgufFiles.open(model)) {
        pairs.copy(files.metadata(), key -> key.startsWith(prefix) && !OURS.contains(key));
      }
    }
  }

  /// Names a model so that llama.cpp drops the spaces behind its special tokens, as it does for
  /// every model with Phi-3 in its name, or keeps them.
  void namePhi3(GgufPairs pairs, boolean drops) {
    boolean named = PHI.matcher(name).find();
    String other = drops ? "Phi-3 " + name : PHI.matcher(name).replaceAll("$1 3");
    pairs.text("general.name", named == drops ? name : other);
  }
}
