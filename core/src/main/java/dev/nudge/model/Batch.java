package dev.nudge.model;

import dev.nudge.nn.Cut;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// The tokens of several sequences one after the other, and which of them are to be predicted.
///
/// @param ids tokens of all sequences
/// @param lengths tokens of each sequence
/// @param keys a number for each sequence that does not depend on how a step is cut
/// @param rows rows whose output is compared with a target, ascending
/// @param targets the token that follows each of these rows
/// @param weights what each target counts in the loss; null: 1
public record Batch(
    int[] ids, int[] lengths, long[] keys, int[] rows, int[] targets, double @Nullable [] weights) {
  public Batch {
    int sum = 0;
    for (int length : lengths) {
      sum += length;
    }
    if (sum != ids.length
        || lengths.length != keys.length
        || rows.length != targets.length
        || weights != null && weights.length != rows.length) {
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

  /// Sequences whose targets all count 1.
  public Batch(int[] ids, int[] lengths, long[] keys, int[] rows, int[] targets) {
    this(ids, lengths, keys, rows, targets, null);
  }

  /// What a target counts in the loss.
  public double weight(int target) {
    return weights == null ? 1 : weights[target];
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

  /// A lane's two pieces of this batch of one sequence, as one batch.
  public Batch part(Cut cut, int lane) {
    if (lengths.length != 1 || lengths[0] != cut.tokens()) {
      throw new IllegalArgumentException(
          lengths.length + " sequences of " + ids.length + " tokens, a cut of " + cut.tokens());
    }
    int[] own = new int[cut.rows(lane)];
    int[] at = new int[rows.length];
    int[] to = new int[rows.length];
    double[] weigh = new double[rows.length];
    int labelled = 0;
    int start = 0;
    for (int part = 0; part < 2; part++) {
      int first = cut.from(lane, part);
      int last = cut.to(lane, part);
      System.arraycopy(ids, first, own, start, last - first);
      for (int i = 0; i < rows.length; i++) {
        if (rows[i] >= first && rows[i] < last) {
          at[labelled] = start + rows[i] - first;
          weigh[labelled] = weight(i);
          to[labelled++] = targets[i];
        }
      }
      start += last - first;
    }
    return new Batch(
        own,
        new int[] {own.length},
        keys,
        Arrays.copyOf(at, labelled),
        Arrays.copyOf(to, labelled),
        weights == null ? null : Arrays.copyOf(weigh, labelled));
  }

  /// Tokens in all.
  public int tokens() {
    return ids.length;
  }
}
