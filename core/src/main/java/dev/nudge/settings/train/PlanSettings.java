package dev.nudge.settings.train;

import dev.nudge.settings.ByteSize;
import dev.nudge.settings.Check;
import dev.nudge.settings.Given;
import dev.nudge.settings.Group;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Schema;
import dev.nudge.settings.Setting;
import dev.nudge.settings.SettingComponent;
import dev.nudge.settings.TrainOn;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.LengthSettings;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.ShapeSettings;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Settings of the `plan` command: those of a run that affect memory and time, and a price.
///
/// @param memory null: the machine's free memory
/// @param ranks machines that train together
/// @param batchSize sequences per optimiser step
/// @param steps optimiser steps; null: those of the epochs
/// @param epochs passes over the data or the tokens
/// @param tokens tokens of the training data; null: counted in `data`, or unknown
/// @param data files or globs; empty: rows of maximum length are assumed
/// @param eval held-out rows, which need memory too
/// @param pricePerHour price of the machine, in any currency; null: no cost
/// @param given settings that were given explicitly
public record PlanSettings(
    @Group("Model and machine") ModelSettings model,
    @Setting(help = "memory to plan for, such as 16GiB (default: what is free)", label = "SIZE")
        @Nullable ByteSize memory,
    @Setting(help = "price of the machine an hour, in any currency (default: no cost)")
        @Nullable Double pricePerHour,
    @Setting(
            help = "measure this machine for a second; without: no speed, time or cost",
            byDefault = "true",
            negatable = true)
        boolean probe,
    @Setting(help = "machines like this one that train together (nudge-spark)", byDefault = "1")
        int ranks,
    @Group("Data")
        @Setting(
            help = "file, folder or glob of rows; may be given several times; needs the tokenizer",
            label = "FILE",
            names = Setting.Names.DATA)
        List<String> data,
    @Setting(help = "pattern of the prompt over a row's columns", label = "PATTERN")
        @Nullable String prompt,
    @Setting(help = "pattern of the completion, such as ' {label}'", label = "PATTERN")
        @Nullable String completion,
    @Group("Data") ShapeSettings shape,
    @Setting(help = "set bad rows aside and count them, instead of refusing the data")
        boolean skipBadRows,
    @Group("Data") LengthSettings length,
    @Group("Data") EvalSettings eval,
    @Group("Data")
        @Setting(
            help = "tokens of the training data, where it is not there yet (default: of --data)")
        @Nullable Long tokens,
    @Group("Method") LoraSettings lora,
    @Group("Objective") ObjectiveSettings objective,
    @Group("Optimiser") OptimizerSettings optimizer,
    @Group("Loop") @Setting(help = "sequences of one optimiser step", byDefault = "16")
        int batchSize,
    @Setting(help = "optimiser steps, instead of --epochs (default: as many as --epochs takes)")
        @Nullable Integer steps,
    @Setting(
            help = "passes over the data; a fraction is allowed",
            byDefault = "1",
            unless = "steps")
        @Nullable Double epochs,
    Given given)
    implements RunSettings<PlanSettings> {

  private static final Schema<PlanSettings> SCHEMA = Schema.of(PlanSettings.class);

  public PlanSettings {
    data = List.copyOf(data);
    lora.check(model, given);
    objective.check(given, lora, length, shape, completion, batchSize);
    optimizer.check(objective.objective());
    Check.positive("--price-per-hour", pricePerHour);
    Check.atLeast("--ranks", ranks, 1);
    Check.atLeast("--tokens", tokens, 1);
    Check.atLeast("--batch-size", batchSize, 1);
    LoopSettings.checkLength(steps, epochs);
    if (tokens != null && !data.isEmpty()) {
      throw new InputException(
          "--tokens and --data are both given; the tokens of the data are counted, so leave one"
              + " out");
    }
    String ofRows = data.isEmpty() ? flagOfRows(prompt, completion, length, eval) : null;
    if (ofRows != null) {
      throw new InputException(ofRows + " is given without rows; add --data");
    }
    if (data.isEmpty()) {
      shape.checkNone();
    }
  }

  private static @Nullable String flagOfRows(
      @Nullable String prompt,
      @Nullable String completion,
      LengthSettings length,
      EvalSettings eval) {
    if (prompt != null || completion != null) {
      return prompt != null ? "--prompt" : "--completion";
    }
    if (eval.any()) {
      return eval.evalData() != null ? "--eval-data" : "--eval-split";
    }
    if (length.concatenate()) {
      return "--concatenate";
    }
    return length.truncate() ? "--truncate" : length.split() ? "--split" : null;
  }

  /// Plans a run of a model, everything else at its default.
  ///
  /// @param model a folder, of which `config.json` is enough, or a model size (`7B`)
  public static PlanSettings of(Path model) {
    return of(Map.of("model", model));
  }

  /// Plans a training run, from its given settings that affect the plan.
  public static PlanSettings of(TrainSettings run) {
    Set<String> keys =
        SCHEMA.knobs().stream().map(SettingComponent::key).collect(Collectors.toSet());
    Map<String, @Nullable Object> values = new LinkedHashMap<>(run.values());
    values.keySet().retainAll(keys);
    values.keySet().retainAll(run.given().keys());
    values.values().removeIf(Objects::isNull);
    return of(values);
  }

  /// Makes the settings from values by key, the rest at their defaults.
  public static PlanSettings of(Map<String, ?> values) {
    return SCHEMA.of(values);
  }

  /// Whether this machine is benchmarked for a second.
  public PlanSettings withProbe(boolean measure) {
    return with("probe", measure);
  }

  /// The machines that train together.
  public PlanSettings withRanks(int machines) {
    return with("ranks", machines);
  }

  /// The tokens of the training data, if it does not exist yet.
  public PlanSettings withTokens(long tokens) {
    return with("tokens", tokens);
  }

  /// The sequences per optimiser step.
  public PlanSettings withBatchSize(int sequences) {
    return with("batch_size", sequences);
  }

  /// The optimiser steps.
  public PlanSettings withSteps(int count) {
    return with("steps", count);
  }

  /// Passes over the data.
  public PlanSettings withEpochs(double passes) {
    return with("epochs", passes);
  }

  @Override
  public QualitySettings quality() {
    return QualitySettings.KEEP;
  }

  @Override
  public long seed() {
    return 0;
  }

  @Override
  public @Nullable DataSettings rows() {
    return data.isEmpty()
        ? null
        : new DataSettings(data, prompt, completion, shape, TrainOn.ASSISTANT, skipBadRows);
  }
}
