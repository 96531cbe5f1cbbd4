package dev.nudge.data;

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

  /// Sequences of each row that is not split.
  int sequences() {
    return objective.sequences();
  }
}
