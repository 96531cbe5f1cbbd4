package dev.nudge.data;

import dev.nudge.data.source.Pick;
import dev.nudge.settings.DataSettings;
import dev.nudge.settings.ObjectiveName;
import dev.nudge.settings.ObjectiveSettings;
import org.jspecify.annotations.Nullable;

/// The rows that an objective needs.
///
/// @param marginColumn column that says by how much the chosen answer of a pair is better; null:
///     none
public record WantedRows(ObjectiveName objective, @Nullable String marginColumn) {
  /// Rows to imitate.
  public static final WantedRows TEXTS = new WantedRows(ObjectiveName.SFT, null);

  /// The rows for the objective of a run.
  public static WantedRows of(ObjectiveSettings settings) {
    return new WantedRows(settings.objective(), settings.marginColumn());
  }

  /// The rows that data seem to be for, by the first one: pairs are for preference optimisation.
  public static WantedRows recognised(DataSettings data, ObjectiveName objective) {
    if (objective != ObjectiveName.SFT || !data.shape().recognised()) {
      return new WantedRows(objective, null);
    }
    try (RowReader reader = RowReader.open(data, Pick.TRAIN)) {
      for (SourceLine line : reader.next(1)) {
        Row row = Row.parse(line);
        boolean answers = row.has("completion") || row.has("messages") || row.has("text");
        if (PreferenceShape.isPair(row) && !answers && data.completion() == null) {
          return new WantedRows(ObjectiveName.DPO, null);
        }
      }
    } catch (BadRowException e) {
      return TEXTS; // whoever reads all rows tells it
    }
    return TEXTS;
  }

  /// Sequences of each row that is not split.
  int sequences() {
    return objective.sequences();
  }
}
