package dev.nudge.train;

import dev.nudge.data.tokens.Example;
import dev.nudge.engine.Branches;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/// One step in a forecast: rows of the data in order, repeated if too few.
///
/// @param lengths tokens that are computed together: a sequence, or a row's sequences after their
///     shared prompt
/// @param tokens of the sequences, each with its prompt
/// @param trained how many of the computed tokens the loss counts, from 0 to 1
record PlannedStep(int[] lengths, long tokens, double trained) {
  /// A step of sequences of one length, of which the loss counts all tokens.
  static PlannedStep assumed(int sequences, int length) {
    int[] lengths = IntStream.range(0, sequences).map(_ -> length).toArray();
    return new PlannedStep(lengths, (long) sequences * length, 1);
  }

  /// @param sequences those of all rows, row after row
  /// @param each sequences of a row
  /// @param branches whether the sequences of a row share their prompt
  /// @param most tokens that are computed together
  static PlannedStep of(List<Example> sequences, int rows, int each, boolean branches, int most) {
    List<Integer> lengths = new ArrayList<>();
    long tokens = 0;
    long trained = 0;
    for (int row = 0; row < rows; row++) {
      int first = row * each % sequences.size();
      List<Example> own = sequences.subList(first, first + each);
      int[] pasts = branches ? Branches.pasts(own) : new int[each];
      for (int i = 0; i < each; i++) {
        int length = own.get(i).length();
        tokens += length;
        trained += own.get(i).trainedTokens();
        int more = length - pasts[i];
        if (pasts[i] == 0 || lengths.getLast() + more > most) {
          lengths.add(length);
        } else {
          lengths.add(lengths.removeLast() + more);
        }
      }
    }
    long computed = lengths.stream().mapToLong(Integer::longValue).sum();
    return new PlannedStep(
        lengths.stream().mapToInt(Integer::intValue).toArray(),
        tokens,
        Math.min(1, (double) trained / Math.max(1, computed)));
  }
}
