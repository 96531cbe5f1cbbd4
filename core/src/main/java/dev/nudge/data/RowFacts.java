package dev.nudge.data;

import java.util.List;

/// What is known of rows beside their tokens.
///
/// @param bad rows that were set aside
/// @param firstBad the first of them, up to 20
/// @param cut rows that were cut because they were too long
/// @param columns that the rows are made of, and those that no row uses
/// @param shapes what the rows look like, as it was recognised
/// @param guesses what was guessed of the files' formats, a line each
record RowFacts(
    int bad,
    List<BadRow> firstBad,
    CutRows cut,
    UsedColumns columns,
    SeenShapes shapes,
    List<String> guesses) {}
