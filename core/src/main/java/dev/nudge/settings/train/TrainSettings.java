package dev.nudge.settings.train;

import dev.nudge.settings.ByteSize;
import dev.nudge.settings.Check;
import dev.nudge.settings.First;
import dev.nudge.settings.Given;
import dev.nudge.settings.Group;
import dev.nudge.settings.Schema;
import dev.nudge.settings.Setting;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.LengthSettings;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.TrainOnWithers;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Settings of the `train` command.
///
/// @param memory most memory of the run; null: all free memory
/// @param pricePerHour price of the machine, in any currency; null: no cost
/// @param given settings that were given explicitly
@First(
    "model data out prompt completion eval_split quantize rank learning_rate "
        + "epochs max_length dry_run")
public record TrainSettings(
    @Group("Model and machine") ModelSettings model,
    @Setting(help = "most memory to use, such as 8G (default: what is free now)", label = "SIZE")
        @Nullable ByteSize memory,
    @Setting(
            help =
                "price of the machine an hour, in any currency; run.json says what the run cost"
                    + " (default: no cost)")
        @Nullable Double pricePerHour,
    @Group("Data") DataSettings data,
    @Group("Data") LengthSettings length,
    @Group("Data") EvalSettings eval,
    @Group("Data") QualitySettings quality,
    @Group("Output") OutSettings output,
    @Group("While it runs") WatchSettings watch,
    @Group("Method") LoraSettings lora,
    @Group("Objective") ObjectiveSettings objective,
    @Group("Optimiser") OptimizerSettings optimizer,
    @Group("Loop") LoopSettings loop,
    Given given)
    implements RunSettings<TrainSettings>,
        TrainOnWithers<TrainSettings>,
        QualityWithers<TrainSettings>,
        OutWithers<TrainSettings>,
        WatchWithers<TrainSettings>,
        LoopWithers<TrainSettings> {

  public TrainSettings {
    lora.check(model, given);
    objective.check(given, lora, length, data.shape(), data.completion(), loop.batchSize());
    optimizer.check(objective.objective());
    watch.check(eval);
    watch.check(objective.objective());
    loop.mixed().check(data.data());
    Check.positive("--price-per-hour", pricePerHour);
  }

  private static final Schema<TrainSettings> SCHEMA = Schema.of(TrainSettings.class);

  /// Trains an adapter on the rows of a file, everything else at its default; for a dry run call
  /// `Training.prepare`.
  ///
  /// @param out folder of the run and its adapter
  public static TrainSettings of(Path model, Path data, Path out) {
    return of(Map.of("model", model, "data", data.toString(), "out", out));
  }

  /// Makes the settings from values by key: `of(Map.of("model", dir, "rank", 8, …))`.
  public static TrainSettings of(Map<String, ?> values) {
    return SCHEMA.of(values);
  }

  @Override
  public DataSettings rows() {
    return data;
  }

  @Override
  public int batchSize() {
    return loop.batchSize();
  }

  @Override
  public long seed() {
    return loop.seed();
  }

  /// Returns the cost of `seconds` of a run; null without a price.
  public @Nullable Double cost(double seconds) {
    return pricePerHour == null ? null : seconds * pricePerHour / 3600;
  }

  /// Returns the resolved values by key, as a run file holds them.
  public Map<String, @Nullable Object> values() {
    return SCHEMA.values(this);
  }

  /// Returns the resolved values by key, as `run.json` holds them: without the command of
  /// `--on-event`, which may hold a secret.
  public Map<String, @Nullable Object> recorded() {
    Map<String, @Nullable Object> values = new LinkedHashMap<>(values());
    values.remove("on_event");
    return values;
  }
}
