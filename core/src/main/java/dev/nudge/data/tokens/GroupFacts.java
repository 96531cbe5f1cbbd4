package dev.nudge.data.tokens;

import dev.nudge.settings.Count;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// What groups of completions and their rewards tell before training.
///
/// @param groups number of groups
/// @param size completions of each
/// @param constant groups whose rewards are all equal
/// @param reward mean of all rewards
public record GroupFacts(int groups, int size, int constant, double reward) {

  public static GroupFacts of(List<Example> examples, int size) {
    int constant = 0;
    double sum = 0;
    for (int from = 0; from < examples.size(); from += size) {
      List<Example> group = examples.subList(from, from + size);
      double first = group.getFirst().value();
      constant += group.stream().allMatch(e -> e.value() == first) ? 1 : 0;
      sum += group.stream().mapToDouble(Example::value).sum();
    }
    return new GroupFacts(examples.size() / size, size, constant, sum / examples.size());
  }

  /// `120 groups of 8 completions, mean reward 0.412`.
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%s of %d completions, mean reward %.3g",
        Count.of(groups, "group"),
        size,
        reward);
  }

  /// What a user should know before training, one line each.
  public List<String> warnings() {
    List<String> lines = new ArrayList<>();
    if (constant > 0) {
      lines.add(
          Count.of(constant, "group", "has", "have")
              + " constant rewards: nothing is learned from "
              + (constant == 1 ? "it" : "them"));
    }
    return lines;
  }
}
