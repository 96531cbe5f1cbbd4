package dev.nudge.settings.verb;

import dev.nudge.settings.Group;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Schema;
import dev.nudge.settings.Setting;
import dev.nudge.settings.Withers;
import java.nio.file.Path;
import java.util.Map;

/// Settings of the `quantize` command.
///
/// @param doubleQuant whether the scales of NF4's blocks are quantised too
/// @param calibration of GPTQ and AWQ
public record QuantizeSettings(
    @Setting(
            help = ModelSettings.MODEL,
            required = true,
            label = "FOLDER|NAME",
            names = Setting.Names.MODEL)
        Path model,
    @Setting(help = "format of the linear layers but the head", byDefault = "nf4") Format method,
    @Setting(help = "quantise the scales of nf4 too", byDefault = "true", negatable = true)
        boolean doubleQuant,
    @Group("GPTQ and AWQ") CalibrationSettings calibration,
    @Group("Output") @Setting(help = "folder of the new model", required = true, label = "FOLDER")
        Path out,
    @Setting(help = "replace what nudge wrote to that folder before") boolean overwrite)
    implements Withers<QuantizeSettings> {

  /// The format of quantised weights.
  public enum Format {
    /// 4 bits a number, in the files of bitsandbytes.
    NF4,
    /// Codes that compensate earlier codes' errors, on calibration rows.
    GPTQ,
    /// Codes of weights scaled first, so that salient inputs lose less precision.
    AWQ
  }

  /// Checks that the settings fit the method, once all are given.
  ///
  /// @throws InputException if one does not, or one is missing
  public void check() {
    if (method != Format.NF4 && !doubleQuant) {
      throw new InputException(
          "--no-double-quant: only --method nf4 has scales to quantise; leave it out");
    }
    calibration.check(method);
  }

  /// Whether calibration rows are needed.
  public boolean calibrated() {
    return method != Format.NF4;
  }

  /// Quantises a model folder, everything else at its default.
  public static QuantizeSettings of(Path model, Path out) {
    return of(Map.of("model", model, "out", out));
  }

  /// The format of the linear layers, without the head.
  public QuantizeSettings withMethod(Format format) {
    return with("method", format);
  }

  /// Whether the scales of the blocks are quantised too.
  public QuantizeSettings withDoubleQuant(boolean nested) {
    return with("double_quant", nested);
  }

  /// Whether an earlier output of nudge in that folder is replaced.
  public QuantizeSettings withOverwrite(boolean replace) {
    return with("overwrite", replace);
  }

  /// Makes the settings from values by key, the rest at their defaults.
  public static QuantizeSettings of(Map<String, ?> values) {
    return Schema.of(QuantizeSettings.class).of(values);
  }
}
