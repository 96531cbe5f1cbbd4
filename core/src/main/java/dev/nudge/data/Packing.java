package dev.nudge.data;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.IntStream;

/// Spreads the sequences of one optimiser step over lanes and micro-batches.
///
/// Packing changes the time of a step and nothing else: the sequences of a step are those of the
/// batch size, whatever their lengths, and the gradient is normalised over all of them.
///
/// 1. Lanes: the costliest sequence first, each to the lane with the least cost so far (Graham's
///    longest processing time first [1]: no lane is ahead of another by more than one sequence's
///    cost). The cost of n tokens is a · n + b · n²: products and attention.
/// 2. Micro-batches of a lane: the longest sequence first, each into the fullest micro-batch that
///    still has room, else into a new one (best fit decreasing [2]: at most 11/9 of the fewest
///    possible, plus 4). A sequence is never split, a micro-batch never holds more tokens than the
///    budget, and nothing is padded.
///
/// Ties go to the lower position, so the result depends on nothing but its arguments.
///
/// [1] Graham: Bounds on multiprocessing timing anomalies, 1969. [2] Johnson: Near-optimal bin
/// packing algorithms, 1973.
///
/// @param lanes for each lane its micro-batches, for each of them the positions of its sequences in
///     the step, ascending; a lane without work has no micro-batch
public record Packing(List<List<List<Integer>>> lanes) {

  /// Weighs a sequence of n tokens: perToken · n + perSquare · n².
  public record Cost(double perToken, double perSquare) {

    public Cost {
      if (!(perToken >= 0 && perSquare >= 0 && perToken + perSquare > 0)) {
        throw new IllegalArgumentException(
            "costs must be positive; given were " + perToken + " and " + perSquare);
      }
    }

    /// Returns the cost of a sequence.
    public double of(int tokens) {
      return perToken * tokens + perSquare * tokens * (double) tokens;
    }
  }

  public Packing {
    lanes = lanes.stream().map(lane -> lane.stream().map(List::copyOf).toList()).toList();
  }

  /// Packs sequences.
  ///
  /// @param lengths tokens of each sequence of the step
  /// @param budgetTokens most tokens of a micro-batch; at least the longest sequence
  public static Packing of(int[] lengths, int lanes, int budgetTokens, Cost cost) {
    if (lanes < 1) {
      throw new IllegalArgumentException("lanes must be at least 1; given was " + lanes);
    }
    int longest = Arrays.stream(lengths).max().orElse(0);
    if (longest > budgetTokens) {
      throw new IllegalArgumentException(
          "a sequence of "
              + longest
              + " tokens does not fit a micro-batch of "
              + budgetTokens
              + " tokens");
    }
    List<Integer> order =
        IntStream.range(0, lengths.length)
            .boxed()
            .sorted(Comparator.comparingInt((Integer i) -> -lengths[i]).thenComparing(i -> i))
            .toList();
    return new Packing(
        spread(order, lengths, lanes, cost).stream()
            .map(lane -> bins(lane, lengths, budgetTokens))
            .toList());
  }

  /// @param order positions, the longest first: as costs grow with the length, the costliest too
  private static List<List<Integer>> spread(
      List<Integer> order, int[] lengths, int lanes, Cost cost) {
    List<List<Integer>> spread = new ArrayList<>();
    for (int lane = 0; lane < lanes; lane++) {
      spread.add(new ArrayList<>());
    }
    double[] load = new double[lanes];
    for (int position : order) {
      int least = 0;
      for (int lane = 1; lane < lanes; lane++) {
        least = load[lane] < load[least] ? lane : least;
      }
      load[least] += cost.of(lengths[position]);
      spread.get(least).add(position);
    }
    return spread;
  }

  private static List<List<Integer>> bins(List<Integer> order, int[] lengths, int budget) {
    List<List<Integer>> bins = new ArrayList<>();
    TreeMap<Integer, Deque<Integer>> byRoom = new TreeMap<>();
    for (int position : order) {
      int length = lengths[position];
      var fullest = byRoom.ceilingEntry(length);
      int room = budget;
      int bin = bins.size();
      if (fullest == null) {
        bins.add(new ArrayList<>());
      } else {
        room = fullest.getKey();
        bin = fullest.getValue().removeFirst();
        if (fullest.getValue().isEmpty()) {
          byRoom.remove(room);
        }
      }
      bins.get(bin).add(position);
      byRoom.computeIfAbsent(room - length, r -> new ArrayDeque<>()).addLast(bin);
    }
    bins.forEach(bin -> bin.sort(null));
    return bins;
  }
}
