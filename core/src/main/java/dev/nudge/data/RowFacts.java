package dev.nudge.data;

import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What is known of rows beside their tokens.
///
/// @param bad rows that were set aside
/// @param firstBad the first of them, up to 20
/// @param cut rows that were cut because they were too long
/// @param columns that the rows are made of, and those that no row uses
/// @param shapes what the rows look like, as it was recognised
/// @param system the message that all conversations begin with; null: there is none
/// @param boundary spaces between prompts and completions
/// @param guesses what was guessed of the files' formats, a line each
/// @param starts for each name that was given as data the index of its first row
/// @param grouped the rows that are held out by their group
/// @param flaws what was seen of the rows; null where nothing was looked for
record RowFacts(
    int bad,
    List<BadRow> firstBad,
    CutRows cut,
    UsedColumns columns,
    SeenShapes shapes,
    @Nullable String system,
    PromptBoundary boundary,
    List<String> guesses,
    List<Integer> starts,
    BitSet grouped,
    Flaws.@Nullable Seen flaws) {

  /// What is known of rows that are held out of these: bad and cut rows count with the others.
  RowFacts heldOut() {
    return new RowFacts(
        0,
        List.of(),
        CutRows.none(0),
        columns,
        shapes,
        system,
        boundary,
        guesses,
        starts,
        new BitSet(),
        null);
  }
}
