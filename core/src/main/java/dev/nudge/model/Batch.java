package dev.nudge.model;

/// The tokens of several sequences one after the other, and which of them are to be predicted.
///
/// @param ids tokens of all sequences
/// @param lengths tokens of each sequence
/// @param keys a number for each sequence that does not depend on how a step is cut
/// @param rows rows whose output is compared with a target, ascending
/// @param targets the token that follows each of these rows
public record Batch(int[] ids, int[] lengths, long[] keys, int[] rows, int[] targets) {
  public Batch {
    int sum = 0;
    for (int length : lengths) {
      sum += length;
    }
    if (sum != ids.length || lengths.length != keys.length || rows.length != targets.length) {
      throw new IllegalArgumentException(
          ids.length
              + " ids, lengths of "
              + sum
              + ", "
              + keys.length
              + " keys for "
              + lengths.length
              + " sequences, "
              + targets.length
              + " targets for "
              + rows.length
              + " rows");
    }
  }

  /// A batch of the same cost as any with at most these sizes: one sequence of `longest` tokens,
  /// the rest in one more, every row labelled. For measuring.
  public static Batch largest(int tokens, int longest) {
    int first = Math.min(tokens, longest);
    int[] lengths = tokens > first ? new int[] {first, tokens - first} : new int[] {first};
    int[] rows = new int[tokens];
    for (int i = 0; i < tokens; i++) {
      rows[i] = i;
    }
    return new Batch(new int[tokens], lengths, new long[lengths.length], rows, new int[tokens]);
  }

  /// Tokens in all.
  public int tokens() {
    return ids.length;
  }
}
