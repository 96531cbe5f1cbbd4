package dev.nudge.data;

import dev.nudge.data.rows.PromptBoundary;
import dev.nudge.data.rows.SeenShapes;
import dev.nudge.data.rows.UsedColumns;
import dev.nudge.data.tokens.CutRows;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What is known about the rows of a data set besides their tokens; cached with them.
///
/// @param bad number of bad rows that were set aside
/// @param cut rows that were truncated or split
/// @param columns columns that the rows use, and those that no row uses
/// @param shapes recognised shapes of the rows
/// @param system the system message that all conversations share; null: none
/// @param boundary missing spaces between prompts and completions
/// @param guesses a line for each guessed file format
/// @param starts index of the first row of each name given as data
/// @param grouped indices of the rows that are held out by their group
/// @param flaws flaws of the rows; null: not checked
record RowFacts(
    int bad,
    CutRows cut,
    UsedColumns columns,
    SeenShapes shapes,
    @Nullable String system,
    PromptBoundary boundary,
    List<String> guesses,
    List<Integer> starts,
    List<Integer> grouped,
    Flaws.@Nullable Counts flaws) {

  /// What is known of rows that are held out of these: bad and cut rows count with the others.
  RowFacts heldOut() {
    return new RowFacts(
        0, CutRows.none(0), columns, shapes, system, boundary, guesses, starts, List.of(), null);
  }
}
