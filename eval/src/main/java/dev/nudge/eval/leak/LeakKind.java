package dev.nudge.eval.leak;

/// How an item of an evaluation stands in a training set.
public enum LeakKind {
  /// A training row is the item, character by character.
  EXACT,
  /// A training row is the item, but for case, blanks, punctuation and forms of the same character;
  /// signs between numbers count.
  NORMALISED,
  /// Runs of thirteen words of training rows, any and several, cover much of the item; so does a
  /// row that holds it, of six words or more, among other text.
  RUNS,
  /// A training row has most runs of five words in common with the item, found by MinHash and
  /// counted then: the item with words changed here and there.
  NEAR
}
