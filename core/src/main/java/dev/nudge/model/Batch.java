package dev.nudge.model;

import dev.nudge.nn.SequenceSplit;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Token ids of several sequences, concatenated without padding, and the rows that are labelled.
///
/// @param ids token ids of all sequences
/// @param lengths tokens of each sequence
/// @param keys dropout key of each sequence; does not depend on micro-batches and lanes
/// @param rows labelled rows (positions that the loss counts); one may be labelled several times
/// @param targets token id that follows each labelled row
/// @param weights loss weight of each target; null: 1
/// @param pasts prefix tokens that each sequence shares with another one, as in
///     [dev.nudge.nn.Segments#of]; null: 0
public record Batch(
    int[] ids,
    int[] lengths,
    long[] keys,
    int[] rows,
    int[] targets,
    double @Nullable [] weights,
    int @Nullable [] pasts) {
  private static final int BLOCK = 64; // queries of a block of attention
  private static final int LONG = 2048; // keys from which blocks shrink

  public Batch {
    int sum = 0;
    for (int length : lengths) {
      sum += length;
    }
    if (sum != ids.length
        || lengths.length != keys.length
        || rows.length != targets.length
        || weights != null && weights.length != rows.length
        || pasts != null && pasts.length != lengths.length) {
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

  /// A batch of whole sequences.
  public Batch(
      int[] ids,
      int[] lengths,
      long[] keys,
      int[] rows,
      int[] targets,
      double @Nullable [] weights) {
    this(ids, lengths, keys, rows, targets, weights, null);
  }

  /// A batch whose targets all have the loss weight 1.
  public Batch(int[] ids, int[] lengths, long[] keys, int[] rows, int[] targets) {
    this(ids, lengths, keys, rows, targets, null);
  }

  /// Concatenates batches.
  ///
  /// @param scales factor of the weights of each
  public static Batch joined(List<Batch> batches, double[] scales) {
    int tokens = batches.stream().mapToInt(Batch::tokens).sum();
    int labelled = batches.stream().mapToInt(b -> b.rows.length).sum();
    int[] ids = new int[tokens];
    int[] rows = new int[labelled];
    int[] targets = new int[labelled];
    double[] weights = new double[labelled];
    int start = 0;
    int label = 0;
    for (int k = 0; k < scales.length; k++) {
      Batch b = batches.get(k);
      System.arraycopy(b.ids, 0, ids, start, b.ids.length);
      for (int i = 0; i < b.rows.length; i++) {
        rows[label] = start + b.rows[i];
        weights[label] = scales[k] * b.weight(i);
        targets[label++] = b.targets[i];
      }
      start += b.ids.length;
    }
    return new Batch(
        ids,
        batches.stream().flatMapToInt(b -> Arrays.stream(b.lengths)).toArray(),
        batches.stream().flatMapToLong(b -> Arrays.stream(b.keys)).toArray(),
        rows,
        targets,
        weights,
        batches.stream().flatMapToInt(b -> Arrays.stream(b.shares())).toArray());
  }

  /// The tokens that each sequence shares.
  int[] shares() {
    return pasts == null ? new int[lengths.length] : pasts;
  }

  /// The loss weight of a target.
  public double weight(int target) {
    return weights == null ? 1 : weights[target];
  }

  /// The most expensive batch of these sizes, for measuring: a sequence of `longest` tokens, a
  /// second one of the remaining tokens, every row labelled.
  public static Batch largest(int tokens, int longest) {
    int first = Math.min(tokens, longest);
    int[] lengths = tokens > first ? new int[] {first, tokens - first} : new int[] {first};
    int[] rows = new int[tokens];
    for (int i = 0; i < tokens; i++) {
      rows[i] = i;
    }
    return new Batch(new int[tokens], lengths, new long[lengths.length], rows, new int[tokens]);
  }

  /// The most expensive batches of these sizes in which a sequence branches off another one, for
  /// measuring: the longest with a short branch, and a short one with the longest branch, whose
  /// queries fill the last block of attention.
  static List<Batch> branched(int tokens, int longest) {
    int branch = Math.max(1, Math.ceilDiv(longest - 1, BLOCK) * BLOCK);
    int past = longest > LONG ? BLOCK : 1; // so that a whole block ends at the last key
    return List.of(
        branched(tokens, Math.max(1, Math.min(longest, tokens - 1)), 1, 1),
        branched(tokens, past, past, branch));
  }

  private static Batch branched(int tokens, int trunk, int past, int branch) {
    int all = Math.max(tokens, trunk + branch);
    Batch plain = largest(all, all);
    int rest = all - trunk - branch;
    int[] lengths = rest > 0 ? new int[] {trunk, branch, rest} : new int[] {trunk, branch};
    int[] pasts = new int[lengths.length];
    pasts[1] = past;
    return new Batch(
        plain.ids, lengths, new long[lengths.length], plain.rows, plain.targets, null, pasts);
  }

  /// A lane's two pieces of this batch of one sequence (context parallelism), as one batch.
  public Batch part(SequenceSplit cut, int lane) {
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

  /// Number of tokens of all sequences.
  public int tokens() {
    return ids.length;
  }
}
