package dev.nudge.data.rows;

import dev.nudge.data.source.Pick;
import dev.nudge.settings.train.ObjectiveName;
import dev.nudge.settings.train.ObjectiveName.Rows;
import dev.nudge.settings.train.ObjectiveSettings;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.DataShape;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The rows that an objective needs.
///
/// @param marginColumn column that says by how much the chosen answer of a pair is better; null:
///     none
/// @param group completions of each row of a group; 0: rows are none
public record WantedRows(ObjectiveName objective, @Nullable String marginColumn, int group) {
  /// Rows to imitate.
  public static final WantedRows TEXTS = of(Rows.TEXTS, 0);

  /// The rows for the objective of a run; of GRPO the first one says whether they are groups.
  public static WantedRows of(ObjectiveSettings settings, DataSettings data) {
    int group = settings.objective().groups() ? group(data) : 0;
    return new WantedRows(settings.objective(), settings.marginColumn(), group);
  }

  private static WantedRows of(Rows rows, int group) {
    return new WantedRows(ObjectiveName.of(rows), null, group);
  }

  private static int group(DataSettings data) {
    GroupShape shape = GroupShape.of(data.shape().mapping());
    if (data.shape().shape() != DataShape.PROMPT_ONLY) {
      try (RowReader reader = RowReader.open(data, Pick.TRAIN)) {
        List<SourceLine> first = reader.next(1);
        return first.isEmpty() ? 0 : shape.size(Row.parse(first.getFirst()));
      } catch (BadRowException e) {
        return 0; // whoever reads all rows tells it
      }
    }
    return 0;
  }

  /// The rows that data seem to be for, by the first one: pairs are for preference optimisation,
  /// groups with rewards for the group relative one.
  public static WantedRows recognised(DataSettings data, ObjectiveName objective) {
    if (objective.compares() || !data.shape().recognised()) {
      return new WantedRows(objective, null, objective.groups() ? group(data) : 0);
    }
    try (RowReader reader = RowReader.open(data, Pick.TRAIN)) {
      for (SourceLine line : reader.next(1)) {
        Row row = Row.parse(line);
        boolean answers = row.has("completion") || row.has("messages") || row.has("text");
        if (PreferenceShape.isPair(row) && !answers && data.completion() == null) {
          return of(Rows.PAIRS, 0);
        }
        int group = GroupShape.of(data.shape().mapping()).size(row);
        if (group > 0 && !answers) {
          return of(Rows.GROUPS, group);
        }
      }
    } catch (BadRowException e) {
      return TEXTS; // whoever reads all rows tells it
    }
    return TEXTS;
  }

  /// Sequences of each row that is not split.
  public int sequences() {
    return objective.pairs() ? 2 : Math.max(1, group);
  }

  /// Whether rows are prompts whose completions are still to be made.
  public boolean promptsOnly() {
    return objective.groups() && group == 0;
  }
}
