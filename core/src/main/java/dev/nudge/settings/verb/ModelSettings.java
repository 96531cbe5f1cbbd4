package dev.nudge.settings.verb;

import dev.nudge.settings.Check;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// The model, its quantisation and the machine's resources, for every command that computes.
///
/// @param maxLength most tokens of a row, end token included; null: the model's
///     `max_position_embeddings`
/// @param quantize null: as the model is stored
/// @param doubleQuant null: as the model is stored, else on with nf4
/// @param lanes sequences computed in parallel; null: chosen from processors and memory
/// @param threads null: every processor
public record ModelSettings(
    @Setting(
            help = ModelSettings.MODEL,
            required = true,
            label = "FOLDER|NAME",
            names = Setting.Names.MODEL)
        Path model,
    @Setting(help = "how the frozen weights are kept in memory (default: as the model is stored)")
        @Nullable Quantize quantize,
    @Setting(help = "quantise the scales of nf4 too (default: on with nf4)", negatable = true)
        @Nullable Boolean doubleQuant,
    @Setting(
            help = "type of the computation; auto is bf16 where the processor has it",
            byDefault = "auto")
        Compute compute,
    @Setting(help = "sequences computed side by side (default: chosen from processors and memory)")
        @Nullable Integer lanes,
    @Setting(help = "processor threads in all (default: every processor)")
        @Nullable Integer threads,
    @Setting(help = "longest row in tokens, end token counted (default: what the model allows)")
        @Nullable Integer maxLength,
    @Setting(help = "take an adapter whatever base it was trained on") boolean anyBase)
    implements ModelWithers<ModelSettings> {
  /// The help of `--model`.
  public static final String MODEL =
      "model: a folder (config.json, *.safetensors, tokenizer.json), a GGUF file, or org/name of"
          + " the hub, which is fetched where it is not here";

  public ModelSettings {
    if (doubleQuant != null && quantize == Quantize.NONE) {
      throw new InputException(
          "--double-quant is given with --quantize none; it goes with nf4, so leave one out");
    }
    Check.atLeast("--lanes", lanes, 1);
    Check.atLeast("--threads", threads, 1);
    Check.atLeast("--max-length", maxLength, 2);
  }

  /// Copies the settings with another quantisation of the linear layers.
  public ModelSettings held(@Nullable Quantize method, @Nullable Boolean nested) {
    return new ModelSettings(model, method, nested, compute, lanes, threads, maxLength, anyBase);
  }

  /// Makes settings of a model as it is stored, everything else automatic.
  public static ModelSettings of(Path model) {
    return new ModelSettings(model, null, null, Compute.AUTO, null, null, null, false);
  }
}
