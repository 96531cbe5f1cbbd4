package dev.nudge.data;

import java.util.ArrayDeque;
import java.util.ArrayList;
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
///    Where that leaves lanes without work, the longest sequences are cut over all lanes
///    instead, as few as give the least time; each lane begins with its parts of them.
/// 2. Micro-batches of a lane: the longest sequence first, each into the fullest micro-batch that
///    still has room, else into a new one (best fit decreasing [2]: at most 11/9 of the fewest
///    possible, plus 4). A micro-batch never holds more tokens than the
///    budget, and nothing is padded.
///
/// Ties go to the lower position, so the result depends on nothing but its arguments.
///
/// [1] Graham: Bounds on multiprocessing timing anomalies, 1969. [2] Johnson: Near-optimal bin
/// packing algorithms, 1973.
///
/// @param split indexes of the sequences that are cut over all lanes, the longest first
/// @param lanes per lane a list of micro-batches, each the ascending indexes of its sequences in
///     the step; a lane without work has no micro-batch
public record Packing(List<Integer> split, List<List<List<Integer>>> lanes) {
  /// A `splitFrom` with which no sequence is cut.
  public static final int WHOLE = Integer.MAX_VALUE;

  /// What a sequence costs more where lanes wait for one another: so much has to be gained.
  private static final double WAITING = 1.05;

  /// The cost of a sequence of n tokens: perToken · n + perSquare · n².
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
    split = List.copyOf(split);
    lanes = lanes.stream().map(lane -> lane.stream().map(List::copyOf).toList()).toList();
  }

  /// Packs sequences without cutting any.
  ///
  /// @param lengths lengths in tokens of the step's sequences
  /// @param budgetTokens most tokens of a micro-batch; at least the longest sequence
  public static Packing of(int[] lengths, int lanes, int budgetTokens, Cost cost) {
    return of(lengths, lanes, budgetTokens, cost, WHOLE);
  }

  /// Packs sequences, of which long ones may be cut over all lanes.
  ///
  /// @param lengths lengths in tokens of the step's sequences
  /// @param budgetTokens most tokens of a micro-batch; longer sequences are always cut
  /// @param splitFrom length from which a sequence may be cut over all lanes
  public static Packing of(int[] lengths, int lanes, int budgetTokens, Cost cost, int splitFrom) {
    double[] costs = IntStream.of(lengths).mapToDouble(cost::of).toArray();
    return of(lengths, costs, lanes, budgetTokens, splitFrom);
  }

  /// The same, where the cost of each is known.
  public static Packing of(
      int[] lengths, double[] costs, int lanes, int budgetTokens, int splitFrom) {
    if (lanes < 1) {
      throw new IllegalArgumentException("lanes must be at least 1; given was " + lanes);
    }
    List<Integer> order =
        IntStream.range(0, lengths.length)
            .boxed()
            .sorted(Comparator.comparingInt((Integer i) -> -lengths[i]).thenComparing(i -> i))
            .toList();
    int split = split(order, lengths, costs, lanes, budgetTokens, splitFrom);
    List<Integer> whole = order.subList(split, order.size());
    if (!whole.isEmpty() && lengths[whole.getFirst()] > budgetTokens) {
      throw new IllegalArgumentException(
          "a sequence of "
              + lengths[whole.getFirst()]
              + " tokens does not fit a micro-batch of "
              + budgetTokens
              + " tokens");
    }
    return new Packing(
        order.subList(0, split),
        spread(whole, costs, lanes).stream()
            .map(lane -> bins(lane, lengths, budgetTokens))
            .toList());
  }

  /// How many of the longest sequences to cut: all that are above the budget, and then as few as
  /// give the least time.
  private static int split(
      List<Integer> order, int[] lengths, double[] costs, int lanes, int budget, int splitFrom) {
    int best = 0;
    double least = Double.POSITIVE_INFINITY;
    double together = 0;
    for (int split = 0; split <= order.size(); split++) {
      boolean fits = split == order.size() || lengths[order.get(split)] <= budget;
      double time =
          together + longest(spread(order.subList(split, order.size()), costs, lanes), costs);
      if (fits && time < least) {
        least = time;
        best = split;
      }
      if (split == order.size() || lengths[order.get(split)] < splitFrom) {
        break;
      }
      together += WAITING * costs[order.get(split)] / lanes;
    }
    return best;
  }

  /// The predicted cost of the slowest lane.
  ///
  /// @param costs of the step's sequences
  public double time(double[] costs) {
    List<List<Integer>> spread =
        lanes.stream().map(lane -> lane.stream().flatMap(List::stream).toList()).toList();
    double together = split.stream().mapToDouble(i -> WAITING * costs[i]).sum();
    return together / lanes.size() + longest(spread, costs);
  }

  /// What the lane with the most to do costs.
  private static double longest(List<List<Integer>> spread, double[] costs) {
    double most = 0;
    for (List<Integer> lane : spread) {
      double load = 0;
      for (int position : lane) {
        load += costs[position];
      }
      most = Math.max(most, load);
    }
    return most;
  }

  /// @param order positions, the longest first: as costs grow with the length, the costliest too
  private static List<List<Integer>> spread(List<Integer> order, double[] costs, int lanes) {
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
      load[least] += costs[position];
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
