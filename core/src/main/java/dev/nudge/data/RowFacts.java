package dev.nudge.data;

import dev.nudge.data.quality.Sensitive;
import dev.nudge.settings.Flaw;
import java.util.List;
import java.util.Set;

/// What is known of rows beside their tokens.
///
/// @param bad rows that were set aside
/// @param firstBad the first of them, up to 20
/// @param cut rows that were cut because they were too long
/// @param columns that the rows are made of, and those that no row uses
/// @param shapes what the rows look like, as it was recognised
/// @param guesses what was guessed of the files' formats, a line each
/// @param starts for each name that was given as data the index of its first row
/// @param flawed rows with flaws, in order, where they were looked for
/// @param grouped rows that are held out by their groups, by index
record RowFacts(
    int bad,
    List<BadRow> firstBad,
    CutRows cut,
    UsedColumns columns,
    SeenShapes shapes,
    List<String> guesses,
    List<Integer> starts,
    List<Flawed> flawed,
    List<Integer> grouped) {

  /// A row with flaws.
  record Flawed(int index, String file, int line, Set<Flaw> flaws, Set<Sensitive> kinds) {}

  RowFacts withFirstBad(List<BadRow> rows) {
    return new RowFacts(bad, rows, cut, columns, shapes, guesses, starts, flawed, grouped);
  }

  /// What is known of some of the rows, bad and cut ones not among them.
  RowFacts withoutMistakes() {
    return new RowFacts(
        0, List.of(), CutRows.none(0), columns, shapes, guesses, starts, List.of(), List.of());
  }
}
