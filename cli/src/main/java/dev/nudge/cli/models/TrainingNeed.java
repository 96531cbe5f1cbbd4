package dev.nudge.cli.models;

import dev.nudge.cli.console.CacheFolder;
import dev.nudge.format.ConfigJson;
import dev.nudge.machine.Machine;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.PlanSettings;
import dev.nudge.settings.verb.Quantize;
import dev.nudge.train.Forecast;
import dev.nudge.train.Outlook;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The memory for training an adapter on a model, at the defaults of `train` with rows of 1,024
/// tokens and one lane. The planner estimates it from the shapes of the tensors.
///
/// @param family `model_type`; null: the config could not be read
/// @param parameters number of all parameters; 0: unknown
/// @param refused why nudge cannot train it; null: trainable
/// @param memory bytes of the process and of memory-mapped weights, as stored; 0: unknown
/// @param nf4 the same with `--quantize nf4`; 0: unknown, or already quantised
record TrainingNeed(
    @Nullable String family, long parameters, @Nullable String refused, long memory, long nf4) {
  private static final int TOKENS = 1024; // tokens of a row

  /// Runs the planner.
  ///
  /// @param model a folder or a GGUF file, headers suffice, or the name of a shape
  static TrainingNeed of(Path model) {
    String family = family(model);
    try {
      Outlook stored = plan(PlanSettings.of(model));
      return new TrainingNeed(
          family,
          stored.values().get("parameters") instanceof Long n ? n : 0,
          null,
          bytes(stored),
          nf4(model));
    } catch (InputException e) {
      return new TrainingNeed(family, 0, e.getMessage(), 0, 0);
    }
  }

  private static @Nullable String family(Path model) {
    try {
      return ConfigJson.read(model.resolve("config.json")).text("model_type", null);
    } catch (InputException e) {
      return null; // the planner reports the reason
    }
  }

  private static long nf4(Path model) {
    try {
      return bytes(plan(PlanSettings.of(model).withQuantize(Quantize.NF4)));
    } catch (InputException e) {
      return 0; // already quantised
    }
  }

  private static Outlook plan(PlanSettings settings) {
    Machine none = new Machine(1, 1, CacheFolder.of(System.getenv()), ""); // the least memory
    return Forecast.of(settings.withProbe(false).withLanes(1).withMaxLength(TOKENS), none);
  }

  private static long bytes(Outlook outlook) {
    return outlook.plan().totalBytes() + outlook.plan().footprint().mapped();
  }

  /// Adds the figures to a model's JSON.
  ///
  /// @param machine memory of the machine, in bytes
  void put(Map<String, @Nullable Object> values, long machine) {
    values.put("family", family);
    values.put("parameters", parameters == 0 ? null : parameters);
    values.put("trainable", refused == null);
    values.put("refused", refused);
    values.put("memory_bytes", memory == 0 ? null : memory);
    values.put("memory_nf4_bytes", nf4 == 0 ? null : nf4);
    values.put(
        "fits_here", refused == null && Math.min(memory, nf4 == 0 ? memory : nf4) <= machine);
  }
}
