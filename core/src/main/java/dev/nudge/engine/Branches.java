package dev.nudge.engine;

import dev.nudge.data.Packing;
import dev.nudge.data.tokens.Example;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;

/// Finds the sequences of a step that share a prompt, as the completions of a group and the answers
/// of a pair do. In a micro-batch the prompt is computed once, with the first of them, and the
/// others branch off it ([dev.nudge.nn.Segments]): loss and gradient are those of whole sequences.
public final class Branches {
  private Branches() {}

  /// The tokens that each sequence shares with the nearest before it that shares none.
  public static int[] pasts(List<Example> sequences) {
    int[] pasts = new int[sequences.size()];
    for (int i = 1; i < pasts.length; i++) {
      pasts[i] = shared(sequences.get(i - 1), sequences.get(i));
    }
    return pasts;
  }

  /// The tokens of their prompt; 0 if it is not the same.
  private static int shared(Example before, Example next) {
    int prompt = before.prompt();
    boolean same = prompt < before.length() && prompt == next.prompt() && prompt < next.length();
    for (int i = 0; i < prompt && same; i++) {
      same = before.id(i) == next.id(i);
    }
    return same ? prompt : 0;
  }

  /// Packs sequences of a step. Those that share a prompt stay together unless lanes would be idle:
  /// groups are halved as long as this lowers the predicted time.
  ///
  /// @param places of the sequences that are packed, ascending
  /// @param budget most tokens of a micro-batch
  /// @param splitFrom tokens from which a sequence may be cut over all lanes
  /// @param branches whether prompts may be shared
  public static Packing pack(
      List<Example> sequences,
      int[] places,
      int lanes,
      int budget,
      Packing.Cost cost,
      int splitFrom,
      boolean branches) {
    List<Example> chosen = IntStream.of(places).mapToObj(sequences::get).toList();
    int[] pasts = branches ? pasts(chosen) : new int[places.length];
    Packing best = null;
    double least = Double.POSITIVE_INFINITY;
    for (int most = largest(pasts); most > 0; most /= 2) {
      List<Group> groups = groups(chosen, pasts, budget, most, cost);
      int[] tokens = groups.stream().mapToInt(Group::tokens).toArray();
      double[] costs = groups.stream().mapToDouble(Group::cost).toArray();
      int whole = groups.stream().filter(g -> g.count > 1).mapToInt(Group::tokens).max().orElse(0);
      Packing packing = Packing.of(tokens, costs, lanes, budget, Math.max(splitFrom, whole + 1));
      double time = packing.time(costs);
      if (best == null || time < least) {
        least = time;
        best = of(packing, groups, places);
      }
    }
    return Objects.requireNonNull(best);
  }

  /// How many sequences are behind the prompt that most have; at least 1.
  private static int largest(int[] pasts) {
    int largest = 1;
    int behind = 1;
    for (int past : pasts) {
      behind = past > 0 ? behind + 1 : 1;
      largest = Math.max(largest, behind);
    }
    return largest;
  }

  /// Adjacent sequences behind one prompt.
  ///
  /// @param first of them
  private record Group(int first, int count, int tokens, double cost) {}

  private static List<Group> groups(
      List<Example> sequences, int[] pasts, int budget, int most, Packing.Cost cost) {
    List<Group> groups = new ArrayList<>();
    for (int i = 0; i < pasts.length; ) {
      int first = i;
      int tokens = sequences.get(i++).length();
      double costs = cost.of(tokens);
      while (i < pasts.length && pasts[i] > 0 && i - first < most) {
        int more = sequences.get(i).length() - pasts[i];
        if (tokens + more > budget) {
          break;
        }
        tokens += more;
        costs += cost.of(sequences.get(i).length()) - cost.of(pasts[i]);
        i++;
      }
      groups.add(new Group(first, i - first, tokens, costs));
    }
    return groups;
  }

  private static Packing of(Packing packing, List<Group> groups, int[] places) {
    return new Packing(
        members(packing.split(), groups, places),
        packing.lanes().stream()
            .map(lane -> lane.stream().map(batch -> members(batch, groups, places)).toList())
            .toList());
  }

  private static List<Integer> members(List<Integer> batch, List<Group> groups, int[] places) {
    return batch.stream()
        .map(groups::get)
        .flatMap(group -> IntStream.range(group.first, group.first + group.count).boxed())
        .map(i -> places[i])
        .toList();
  }
}
