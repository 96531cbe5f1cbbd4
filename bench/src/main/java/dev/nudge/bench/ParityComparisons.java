package dev.nudge.bench;

import dev.nudge.eval.Holm;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/// The differences that the parity study measures, by pair of methods and domain.
///
/// @param results of the parts that are done
record ParityComparisons(ParityResults results) {
  private static final List<String> HEADS =
      List.of(
          "methods",
          "domain",
          "difference",
          "95 % from",
          "to",
          "p (Holm)",
          "lower bound",
          "non-inferior",
          "detectable",
          "seeds",
          "without seed 0");

  /// Two methods, and the domains where both have runs.
  record Pair(ParityMethod method, ParityMethod other, Map<ParityDomain, ParityComparison> each) {
    /// The mean over the domains; empty if there are fewer than two.
    Optional<ParityComparison> over() {
      return each.size() < 2
          ? Optional.empty()
          : Optional.of(ParityComparison.over(List.copyOf(each.values())));
    }

    private String label() {
      return method.brief() + " − " + other.brief();
    }
  }

  /// Each adapter beside full, then each beside LoRA of rank 16 on all linear layers.
  List<Pair> all() {
    List<Pair> all = new ArrayList<>();
    all.add(pair(ParityMethod.LORA, ParityMethod.FULL, ParityDomain.ALL));
    all.add(pair(ParityMethod.QLORA, ParityMethod.FULL, ParityDomain.ALL));
    all.add(pair(ParityMethod.QLORA, ParityMethod.LORA, ParityDomain.ALL));
    for (ParityMethod beside : ParityMethod.beside()) {
      all.add(pair(beside, ParityMethod.LORA, ParityPart.side()));
    }
    return all;
  }

  Pair pair(ParityMethod method, ParityMethod other, List<ParityDomain> domains) {
    Map<ParityDomain, ParityComparison> each = new LinkedHashMap<>();
    for (ParityDomain domain : domains) {
      ParityComparison.of(results, domain, other, method, "scores")
          .ifPresent(c -> each.put(domain, c));
    }
    return new Pair(method, other, each);
  }

  /// A row for each pair in each domain, and one for its mean over the domains.
  String table() {
    List<Pair> pairs = all();
    double[] adjusted =
        Holm.adjusted(
            pairs.stream()
                .flatMap(pair -> pair.each.values().stream())
                .mapToDouble(ParityComparison::p)
                .toArray());
    List<List<String>> rows = new ArrayList<>();
    int tested = 0;
    for (Pair pair : pairs) {
      for (Map.Entry<ParityDomain, ParityComparison> one : pair.each.entrySet()) {
        ParityComparison c = one.getValue();
        List<String> row = row(pair, one.getKey().name(), c, p(adjusted[tested++]));
        row.add(Integer.toString(c.seeds().size()));
        OptionalDouble without = c.withoutZero();
        row.add(without.isPresent() ? ParityText.points(without.getAsDouble()) : "");
        rows.add(row);
      }
      pair.over()
          .ifPresent(
              c -> {
                List<String> row = row(pair, "mean of " + pair.each.size(), c, "");
                row.addAll(List.of("", ""));
                rows.add(row);
              });
    }
    return ParityText.table(text(), HEADS, rows);
  }

  private static List<String> row(Pair pair, String domain, ParityComparison c, String p) {
    boolean many = c.many();
    return new ArrayList<>(
        List.of(
            pair.label(),
            domain,
            ParityText.points(c.difference()),
            many ? ParityText.points(c.interval().low()) : "",
            many ? ParityText.points(c.interval().high()) : "",
            p,
            many ? ParityText.points(c.margin().lower()) : "",
            ParityText.word(c.margin().verdict()),
            many ? ParityText.percent(c.seen()) : ""));
  }

  private static String p(double p) {
    return p < 0.001 ? "< 0.001" : String.format(Locale.ROOT, "%.3f", p);
  }

  private static String text() {
    return """
    Accuracy of the first method minus accuracy of the second, in points, on the same test examples and the seeds that both have. LoRA is r 16 on all linear layers.

    - The interval is for other test examples and other seeds. p is adjusted by Holm for all rows of this table but the means, whose intervals are not adjusted. No interval covers the choice of the learning rate.
    - Non-inferior: not worse by more than %s points. *Yes* if the lower bound (one-sided, 95 %%) is above −%1$s, *no* if the upper bound is below −%1$s, else *unknown*. Not adjusted.
    - Detectable: the smallest difference from 0 that a test at 5 %% finds with a power of 80 %%. Where it is above 3.5, equal methods mostly get *unknown*.
    - Seed 0 chose the learning rates and is scored too, so the difference without seed 0 stands beside.

    """
        .formatted(ParityText.margin());
  }
}
