package dev.nudge.settings.train;

import dev.nudge.settings.ByteSize;
import dev.nudge.settings.Given;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.DataWithers;
import dev.nudge.settings.verb.LengthSettings;
import dev.nudge.settings.verb.LengthWithers;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.ModelWithers;
import org.jspecify.annotations.Nullable;

/// The settings of a run that `train` and `plan` share: all that affect its memory or time.
///
/// @param <S> the record that holds them
public sealed interface RunSettings<S extends Record & RunSettings<S>>
    extends ModelWithers<S>,
        DataWithers<S>,
        LengthWithers<S>,
        EvalWithers<S>,
        LoraWithers<S>,
        ObjectiveWithers<S>,
        OptimizerWithers<S>
    permits TrainSettings, PlanSettings {
  ModelSettings model();

  /// The most memory of the run; null: free memory.
  @Nullable ByteSize memory();

  /// The rows to train on; null: none are given.
  @Nullable DataSettings rows();

  LengthSettings length();

  EvalSettings eval();

  QualitySettings quality();

  LoraSettings lora();

  ObjectiveSettings objective();

  OptimizerSettings optimizer();

  /// The sequences of an optimiser step.
  int batchSize();

  /// The seed of everything random.
  long seed();

  /// The settings that were given explicitly.
  Given given();

  default boolean full() {
    return lora().method() == Method.FULL;
  }

  /// The most memory that the run may take.
  default S withMemory(long bytes) {
    return with("memory", new ByteSize(bytes));
  }

  /// The price of the machine per hour, in any currency.
  default S withPricePerHour(double price) {
    return with("price_per_hour", price);
  }
}
