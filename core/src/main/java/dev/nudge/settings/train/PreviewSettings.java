package dev.nudge.settings.train;

import dev.nudge.settings.Check;
import dev.nudge.settings.Group;
import dev.nudge.settings.Schema;
import dev.nudge.settings.Setting;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.DataWithers;
import dev.nudge.settings.verb.LengthSettings;
import dev.nudge.settings.verb.LengthWithers;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.ModelWithers;
import dev.nudge.settings.verb.TrainOnWithers;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Settings of the `data preview` command.
///
/// @param limit most rows that are shown; counts are of all rows
/// @param askBase rows to test the base model on; null: the model is not loaded
/// @param html HTML page to write; null: none
public record PreviewSettings(
    @Group("Model and machine") ModelSettings model,
    @Group("Data") DataSettings data,
    @Group("Data") LengthSettings length,
    @Group("Data")
        @Setting(
            help =
                "objective that the rows are for; pairs of chosen and rejected answers are"
                    + " recognised",
            byDefault = "sft")
        ObjectiveName objective,
    @Group("Output") @Setting(help = "rows that are shown; all are counted", byDefault = "10")
        int limit,
    @Setting(
            help =
                "load the model and ask it so many rows, three solved ones in front: does it answer"
                    + " already, is the text far from what it knows (default: none)",
            label = "ROWS")
        @Nullable Integer askBase,
    @Setting(help = "write the same as one page of HTML", label = "FILE") @Nullable Path html,
    @Group("Loop") @Setting(help = "sequences of one optimiser step", byDefault = "16")
        int batchSize,
    @Setting(help = "passes over the data; a fraction is allowed", byDefault = "1") double epochs)
    implements ModelWithers<PreviewSettings>,
        DataWithers<PreviewSettings>,
        TrainOnWithers<PreviewSettings>,
        LengthWithers<PreviewSettings> {
  private static final Schema<PreviewSettings> SCHEMA = Schema.of(PreviewSettings.class);

  public PreviewSettings {
    Check.atLeast("--limit", limit, 1);
    Check.atLeast("--ask-base", askBase, 1);
    Check.atLeast("--batch-size", batchSize, 1);
    Check.positive("--epochs", epochs);
  }

  /// Shows the rows of a file as the model sees them, everything else at its default.
  public static PreviewSettings of(Path model, Path data) {
    return of(Map.of("model", model, "data", data.toString()));
  }

  /// Makes the settings from values by key, the rest at their defaults.
  public static PreviewSettings of(Map<String, ?> values) {
    return SCHEMA.of(values);
  }

  /// The objective that the rows are for.
  public PreviewSettings withObjective(ObjectiveName objective) {
    return with("objective", objective);
  }

  /// The sequences per optimiser step.
  public PreviewSettings withBatchSize(int sequences) {
    return with("batch_size", sequences);
  }

  /// Passes over the data.
  public PreviewSettings withEpochs(double passes) {
    return with("epochs", passes);
  }
}
