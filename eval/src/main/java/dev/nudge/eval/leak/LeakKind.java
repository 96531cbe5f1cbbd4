package dev.nudge.eval.leak;

/// The ways in which an evaluation item occurs in a training set.
public enum LeakKind {
  /// A training row equals the item, character by character.
  EXACT,
  /// A training row equals the item up to case, white space, punctuation and Unicode form (NFKC);
  /// arithmetic signs between numbers count.
  NORMALISED,
  /// 13-grams (words) of one or several training rows cover much of the item, or a row contains an
  /// item of six words or more inside other text.
  RUNS,
  /// A near duplicate: a training row shares most 5-grams (words) with the item, found by MinHash
  /// and then counted exactly.
  NEAR
}
