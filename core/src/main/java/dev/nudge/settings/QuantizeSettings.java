package dev.nudge.settings;

import java.nio.file.Path;
import java.util.Map;

/// What `quantize` can be told.
///
/// @param doubleQuant whether the scales of the blocks are quantised too
public record QuantizeSettings(
    @Setting(
            help = "model folder: config.json, *.safetensors, tokenizer.json",
            required = true,
            label = "FOLDER")
        Path model,
    @Setting(help = "format of the linear layers but the head", byDefault = "nf4") Format method,
    @Setting(help = "quantise the scales of nf4 too", byDefault = "true", negatable = true)
        boolean doubleQuant,
    @Setting(help = "folder of the new model", required = true, label = "FOLDER") Path out,
    @Setting(help = "replace what nudge wrote to that folder before") boolean overwrite) {

  /// A format that weights can be written in.
  public enum Format {
    /// 4 bits a number, in the files of bitsandbytes.
    NF4
  }

  /// Takes values by key, the rest at their defaults.
  public static QuantizeSettings of(Map<String, ?> values) {
    return Schema.of(QuantizeSettings.class).of(values);
  }
}
