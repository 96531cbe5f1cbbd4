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

/// What training an adapter on a model takes, at the defaults of `train` with rows of 1,024 tokens
/// and one lane: the planner's figures, from the shapes of its tensors alone.
///
/// @param family `model_type`; null: the config could not be read
/// @param parameters in all; 0: not known
/// @param refused why nudge cannot train it; null: it can
/// @param memory bytes of the process and of weights read in place, as it is stored; 0: not known
/// @param nf4 the same with `--quantize nf4`; 0: not known, or it is quantised already
record TrainingNeed(
    @Nullable String family, long parameters, @Nullable String refused, long memory, long nf4) {
  private static final int TOKENS = 1024; // of a row

  /// Asks the planner.
  ///
  /// @param model a folder or a GGUF file, of which headers are enough, or the name of a shape
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
      return null; // the planner says why
    }
  }

  private static long nf4(Path model) {
    try {
      return bytes(plan(PlanSettings.of(model).withQuantize(Quantize.NF4)));
    } catch (InputException e) {
      return 0; // it is quantised already
    }
  }

  private static Outlook plan(PlanSettings settings) {
    Machine none = new Machine(1, 1, CacheFolder.of(System.getenv()), ""); // the leanest layout
    return Forecast.of(settings.withProbe(false).withLanes(1).withMaxLength(TOKENS), none);
  }

  private static long bytes(Outlook outlook) {
    return outlook.plan().totalBytes() + outlook.plan().footprint().mapped();
  }

  /// Adds the figures to those of a model.
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
