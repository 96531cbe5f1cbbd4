package dev.nudge.cli;

import dev.nudge.format.Json;
import dev.nudge.machine.Machine;
import dev.nudge.settings.InputException;
import dev.nudge.settings.PlanSettings;
import dev.nudge.settings.Quantize;
import dev.nudge.train.Forecast;
import dev.nudge.train.Outlook;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What training an adapter on a model takes, at the defaults of `train` with rows of 1,024 tokens:
/// the planner's figures, from the shapes of its tensors alone.
///
/// @param family `model_type`; null: the config could not be read
/// @param parameters in all; 0: not known
/// @param refused why nudge cannot train it; null: it can
/// @param memory bytes of the process and of weights read in place, as it is stored; 0: not known
/// @param nf4 the same with `--quantize nf4`; 0: not known, or it is quantised already
/// @param fits whether one of the two fits into the memory of this machine
record TrainingNeed(
    @Nullable String family,
    long parameters,
    @Nullable String refused,
    long memory,
    long nf4,
    boolean fits) {
  static final int TOKENS = 1024; // of a row

  /// Asks the planner.
  ///
  /// @param model a folder, of which headers are enough, or the name of a shape
  static TrainingNeed of(Path model, Machine machine) {
    try {
      Outlook stored = plan(model, null, machine);
      Outlook packed = quantized(model, machine);
      return new TrainingNeed(
          type(model),
          stored.config().parameters(),
          null,
          bytes(stored),
          packed == null ? 0 : bytes(packed),
          stored.fits() || packed != null && packed.fits());
    } catch (InputException e) {
      return new TrainingNeed(type(model), 0, e.getMessage(), 0, 0, false);
    }
  }

  private static @Nullable String type(Path model) {
    return Json.readOrMissing(model.resolve("config.json")).path("model_type").asString(null);
  }

  private static @Nullable Outlook quantized(Path model, Machine machine) {
    try {
      return plan(model, Quantize.NF4, machine);
    } catch (InputException e) {
      return null; // it is quantised already
    }
  }

  private static Outlook plan(Path model, @Nullable Quantize quantize, Machine machine) {
    PlanSettings settings = PlanSettings.of(model).withProbe(false);
    if (quantize != null) {
      settings = settings.withQuantize(quantize);
    }
    return Forecast.of(settings.withMaxLength(TOKENS), machine);
  }

  private static long bytes(Outlook outlook) {
    return outlook.plan().totalBytes() + outlook.plan().footprint().mapped();
  }

  void put(Map<String, @Nullable Object> values) {
    values.put("family", family);
    values.put("parameters", parameters == 0 ? null : parameters);
    values.put("trainable", refused == null);
    values.put("refused", refused);
    values.put("memory_bytes", memory == 0 ? null : memory);
    values.put("memory_nf4_bytes", nf4 == 0 ? null : nf4);
    values.put("fits_here", fits);
  }
}
