package dev.nudge.data.tokens;

import dev.nudge.settings.Count;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// What pairs of answers differ in, as far as tokens tell.
///
/// @param pairs number of pairs
/// @param equal pairs whose answers are the same
/// @param lengthAlone pairs in which one answer is the beginning of the other
/// @param longerChosen pairs whose chosen answer is the longer one
public record PairFacts(int pairs, int equal, int lengthAlone, int longerChosen) {
  private static final int ENOUGH = 20; // pairs, to speak of shares
  private static final int FEW = 50; // pairs, of which a run learns little but these answers
  private static final double MOST = 0.9;

  /// Of no pair.
  public static final PairFacts NONE = new PairFacts(0, 0, 0, 0);

  /// Looks at all pairs.
  public static PairFacts of(List<Example> examples) {
    int equal = 0;
    int alone = 0;
    int longer = 0;
    for (int i = 0; i + 1 < examples.size(); i += 2) {
      Example chosen = examples.get(i);
      Example rejected = examples.get(i + 1);
      int common = common(chosen, rejected);
      int shorter = Math.min(chosen.length(), rejected.length());
      if (chosen.sameTokens(rejected)) {
        equal++;
      } else if (common >= shorter - 1) { // but for the end token
        alone++;
      }
      longer += chosen.length() > rejected.length() ? 1 : 0;
    }
    return new PairFacts(examples.size() / 2, equal, alone, longer);
  }

  /// Looks at one pair of texts.
  public static PairFacts of(String chosen, String rejected) {
    boolean same = chosen.equals(rejected);
    boolean begins = chosen.startsWith(rejected) || rejected.startsWith(chosen);
    return new PairFacts(
        1, same ? 1 : 0, begins && !same ? 1 : 0, chosen.length() > rejected.length() ? 1 : 0);
  }

  /// With other pairs.
  public PairFacts and(PairFacts other) {
    return new PairFacts(
        pairs + other.pairs,
        equal + other.equal,
        lengthAlone + other.lengthAlone,
        longerChosen + other.longerChosen);
  }

  private static int common(Example a, Example b) {
    int most = Math.min(a.length(), b.length());
    int at = 0;
    while (at < most && a.id(at) == b.id(at)) {
      at++;
    }
    return at;
  }

  /// `in 620 of 1,000 pairs the chosen answer is the longer one`.
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "in %,d of %s the chosen answer is the longer one",
        longerChosen,
        Count.of(pairs, "pair"));
  }

  /// What a user should know before training, one line each.
  public List<String> warnings() {
    List<String> lines = new ArrayList<>();
    if (pairs < FEW) {
      lines.add(
          Count.of(pairs, "pair", "is", "are")
              + " too few to learn a preference: the answers are learned by heart; collect some"
              + " hundred, or train on the chosen answers (--objective sft)");
    }
    if (equal > 0) {
      lines.add(
          Count.of(equal, "pair", "has", "have")
              + " the same answer as chosen and rejected: nothing is learned from "
              + (equal == 1 ? "it" : "them"));
    }
    if (lengthAlone > 0) {
      lines.add(
          Count.of(lengthAlone, "pair", "differs", "differ")
              + " in length alone: one answer is the beginning of the other");
    }
    boolean one = longerChosen > MOST * pairs || longerChosen < (1 - MOST) * pairs;
    if (pairs >= ENOUGH && one) {
      lines.add(this + ": length may be what is learned");
    }
    return lines;
  }
}
