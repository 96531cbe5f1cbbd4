package dev.nudge.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/// What methods of the parity study keep of what the base could, on three tasks of the pack
/// `retention`.
///
/// @param results of the parts that are done
record ParityRetention(ParityResults results) {
  private static final String HEAD =
      "Three tasks of the pack `retention`: 56 questions, 24 instructions that a program checks, 10"
          + " texts (fewer bits are better; too few texts for an interval). Side runs were not asked.\n\n";

  /// The bases once, then each method after each domain; empty while no base is done.
  String table() {
    List<List<String>> rows = new ArrayList<>();
    for (ParityMethod base : List.of(ParityMethod.BASE, ParityMethod.BASE_NF4)) {
      ParityDomain.ALL.stream()
          .filter(d -> has(d, base) && has(d, ParityMethod.BASE))
          .findFirst()
          .ifPresent(d -> rows.add(row(d, base)));
    }
    for (ParityDomain domain : ParityDomain.ALL) {
      for (ParityMethod method : ParityMethod.MAIN) {
        if (has(domain, method) && has(domain, ParityMethod.BASE)) {
          rows.add(row(domain, method));
        }
      }
    }
    return ParityText.table(
        HEAD,
        List.of(
            "after training on",
            "method, rate",
            "knowledge: right, %",
            "against base, points (95 %)",
            "instructions: kept, %",
            "against base, points (95 %)",
            "text: bits a byte",
            "against base (least, most of a seed)"),
        rows);
  }

  private boolean has(ParityDomain domain, ParityMethod method) {
    return !results.runs(domain, method).isEmpty();
  }

  private List<String> row(ParityDomain domain, ParityMethod method) {
    List<ParityPart> runs = results.runs(domain, method);
    List<String> row = new ArrayList<>();
    row.add(method.trains() ? domain.name() : "nothing");
    row.add(ParityTables.named(results, method, runs));
    for (String task : List.of(ParityRun.KNOWLEDGE, ParityRun.INSTRUCTIONS)) {
      row.add(ParityText.percent(results.score(runs, task)));
      row.add(
          method == ParityMethod.BASE
              ? ""
              : ParityComparison.of(results, domain, ParityMethod.BASE, method, task)
                  .map(ParityTables::difference)
                  .orElse(""));
    }
    double before = results.bits(results.runs(domain, ParityMethod.BASE).getFirst());
    double[] after = runs.stream().mapToDouble(results::bits).sorted().toArray();
    double mean = Arrays.stream(after).average().orElseThrow();
    row.add(String.format(Locale.ROOT, "%.3f", mean));
    row.add(method == ParityMethod.BASE ? "" : more(mean - before, after, before));
    return row;
  }

  private static String more(double mean, double[] after, double before) {
    String range =
        after.length < 2
            ? ""
            : " (%s, %s)"
                .formatted(
                    ParityText.signed(after[0] - before, 3),
                    ParityText.signed(after[after.length - 1] - before, 3));
    return ParityText.signed(mean, 3) + range;
  }
}
