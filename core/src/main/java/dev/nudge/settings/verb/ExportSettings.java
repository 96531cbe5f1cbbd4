package dev.nudge.settings.verb;

import dev.nudge.settings.Check;
import dev.nudge.settings.Group;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Schema;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Settings of the `export` command.
///
/// @param adapter a PEFT folder, a run's folder or a registry reference, merged into the model;
///     null: the model alone
/// @param registry registry that resolves references; null: the user's own
/// @param type of the matrices; null: f16, of an adapter alone f32
/// @param adapterOnly whether the adapter alone is written, for a base that is exported too
/// @param licence such as `apache-2.0`; null: as the model's README.md or GGUF file says
public record ExportSettings(
    @Group("Model and machine")
        @Setting(
            help = ModelSettings.MODEL,
            required = true,
            label = "FOLDER|NAME",
            names = Setting.Names.MODEL)
        Path model,
    @Setting(
            help =
                "adapter, merged into the model: a PEFT folder, a run's folder, or NAME@ALIAS,"
                    + " NAME:VERSION, NAME@sha256:… of a registry or org/name of the hub where no"
                    + " such path exists (default: the model alone)",
            label = "FOLDER|REFERENCE",
            names = Setting.Names.ADAPTER)
        @Nullable Path adapter,
    @Setting(help = RegistryWithers.HELP, label = "FOLDER") @Nullable Path registry,
    @Setting(
            help =
                "weights to merge into: those that the adapter was trained on, in nf4 where they"
                    + " were, or the model's own",
            byDefault = "trained")
        MergeSettings.Into into,
    @Setting(help = "take an adapter whatever base it was trained on") boolean anyBase,
    @Setting(help = "processor threads in all (default: every processor)")
        @Nullable Integer threads,
    @Group("Output") @Setting(help = "format of the file", byDefault = "gguf") Format to,
    @Setting(
            help =
                "type of the matrices; with q4_k, q5_k and q6_k some have more bits, as llama.cpp"
                    + " mixes them (default: f16; of an adapter alone f32)")
        @Nullable Type type,
    @Setting(
            help = "file to write, in a folder that gets a Modelfile of Ollama too",
            required = true,
            label = "FILE")
        Path out,
    @Setting(help = "write the adapter alone, as a LoRA file of llama.cpp") boolean adapterOnly,
    @Setting(
            help = "licence to note, such as apache-2.0 (default: what the model's files say)",
            label = "NAME")
        @Nullable String licence,
    @Setting(help = "replace the file") boolean overwrite)
    implements RegistryWithers<ExportSettings> {

  /// The format of the file.
  public enum Format {
    /// GGUF, which llama.cpp and Ollama read.
    GGUF
  }

  /// Types of matrices, under llama.cpp's names.
  public enum Type {
    F32,
    F16,
    BF16,
    Q8_0,
    Q4_0,
    Q4_1,
    Q4_K,
    Q5_K,
    Q6_K;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  public ExportSettings {
    Check.atLeast("--threads", threads, 1);
    if (adapterOnly && adapter == null) {
      throw new InputException("--adapter-only needs --adapter, which it writes");
    }
    if (adapterOnly && type != null && type.ordinal() > Type.BF16.ordinal()) {
      throw new InputException(
          "--type %s is for models; --adapter-only takes f32, f16 or bf16".formatted(type));
    }
    if (licence != null) {
      Check.notBlank("--licence", licence);
    }
  }

  /// Exports a model, everything else at its default.
  ///
  /// @param out the GGUF file
  public static ExportSettings of(Path model, Path out) {
    return of(Map.of("model", model, "out", out));
  }

  /// The adapter that is merged into the model: a PEFT folder or a run's folder.
  public ExportSettings withAdapter(Path folder) {
    return with("adapter", folder);
  }

  /// Whether an adapter of any base is taken.
  public ExportSettings withAnyBase(boolean any) {
    return with("any_base", any);
  }

  /// Processor threads in all.
  public ExportSettings withThreads(int count) {
    return with("threads", count);
  }

  /// The type of the matrices.
  public ExportSettings withType(Type type) {
    return with("type", type);
  }

  /// Whether the adapter alone is written.
  public ExportSettings withAdapterOnly(boolean alone) {
    return with("adapter_only", alone);
  }

  /// The licence to note.
  public ExportSettings withLicence(String name) {
    return with("licence", name);
  }

  /// Whether an existing file is replaced.
  public ExportSettings withOverwrite(boolean replace) {
    return with("overwrite", replace);
  }

  /// Makes the settings from values by key, the rest at their defaults.
  public static ExportSettings of(Map<String, ?> values) {
    return Schema.of(ExportSettings.class).of(values);
  }
}
