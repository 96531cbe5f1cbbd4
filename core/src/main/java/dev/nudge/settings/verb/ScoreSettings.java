package dev.nudge.settings.verb;

import dev.nudge.settings.Group;
import dev.nudge.settings.Schema;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Settings of the `score` command.
///
/// @param adapter a PEFT folder, a run's folder or a registry reference; null: the base model
/// @param registry registry that resolves references; null: the user's own
/// @param show rows for which the model's answers are generated and shown; null: none
public record ScoreSettings(
    @Group("Model and machine") ModelSettings model,
    @Setting(
            help =
                "adapter: a PEFT folder, a run's folder, or NAME@ALIAS, NAME:VERSION, NAME@sha256:…"
                    + " of a registry or org/name of the hub where no such path exists (default:"
                    + " the base model)",
            label = "FOLDER|REFERENCE",
            names = Setting.Names.ADAPTER)
        @Nullable Path adapter,
    @Setting(help = RegistryWithers.HELP, label = "FOLDER") @Nullable Path registry,
    @Group("Data") DataSettings data,
    @Setting(help = LengthSettings.TRUNCATE) boolean truncate,
    @Setting(
            help =
                "show wrong rows, or all: expected answer, generated answer, confusion matrix"
                    + " (default: none)")
        @Nullable ShowRows show)
    implements ModelWithers<ScoreSettings>,
        RegistryWithers<ScoreSettings>,
        DataWithers<ScoreSettings>,
        TrainOnWithers<ScoreSettings> {

  /// Scores the rows of a file with the base model, everything else at its default.
  public static ScoreSettings of(Path model, Path data) {
    return of(Map.of("model", model, "data", data.toString()));
  }

  /// The adapter: a PEFT folder or a run's folder.
  public ScoreSettings withAdapter(Path folder) {
    return with("adapter", folder);
  }

  /// Makes the settings from values by key, the rest at their defaults.
  public static ScoreSettings of(Map<String, ?> values) {
    return Schema.of(ScoreSettings.class).of(values);
  }
}
