package dev.nudge.settings;

import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What `score` can be told.
///
/// @param adapter a PEFT folder or a run's folder; null: the base model
public record ScoreSettings(
    @Group("Model and machine") ModelSettings model,
    @Setting(
            help = "adapter: a PEFT folder or a run's folder (default: the base model)",
            label = "FOLDER")
        @Nullable Path adapter,
    @Group("Data") DataSettings data) {

  /// Takes values by key, the rest at their defaults.
  public static ScoreSettings of(Map<String, ?> values) {
    return Schema.of(ScoreSettings.class).of(values);
  }
}
