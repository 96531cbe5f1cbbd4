package dev.nudge.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// What methods of the parity study keep of the base's abilities, on three tasks of the pack
/// `retention`.
///
/// @param results of the parts that are done
record ParityRetention(ParityResults results) {
  private static final String TEXT =
      "Of the pack `retention`: 56 questions of knowledge, 24 instructions that a program checks, the"
          + " 10 texts of `retention_text`. Fewer bits are better; 10 texts are too few for an interval,"
          + " so *least* and *most* are of single seeds. Differences are from the base in bf16, in"
          + " points; the base in four bits has its own row. Intervals (95 %) of 24 instructions are"
          + " rough. Retention of the other adapters was not measured.\n\n";
  private static final List<String> HEADS =
      List.of(
          "trained on",
          "method",
          "knowledge, %",
          "difference",
          "from",
          "to",
          "instructions, %",
          "difference",
          "from",
          "to",
          "bits per byte",
          "difference",
          "least",
          "most");

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
    return ParityText.table(TEXT, HEADS, rows);
  }

  private boolean has(ParityDomain domain, ParityMethod method) {
    return !results.runs(domain, method).isEmpty();
  }

  private List<String> row(ParityDomain domain, ParityMethod method) {
    List<ParityPart> runs = results.runs(domain, method);
    List<String> row = new ArrayList<>();
    row.add(method.trains() ? domain.name() : "nothing");
    row.add(method.label());
    for (String task : List.of(ParityRun.KNOWLEDGE, ParityRun.INSTRUCTIONS)) {
      row.add(ParityText.percent(results.score(runs, task)));
      Optional<ParityComparison> c =
          method == ParityMethod.BASE
              ? Optional.empty()
              : ParityComparison.of(results, domain, ParityMethod.BASE, method, task);
      row.addAll(c.map(ParityRetention::difference).orElse(ParityTables.none(3)));
    }
    double before = results.bits(results.runs(domain, ParityMethod.BASE).getFirst());
    double[] after = runs.stream().mapToDouble(results::bits).sorted().toArray();
    double mean = Arrays.stream(after).average().orElseThrow();
    row.add(String.format(Locale.ROOT, "%.3f", mean));
    row.add(method == ParityMethod.BASE ? "" : ParityText.signed(mean - before, 3));
    row.addAll(
        after.length < 2
            ? ParityTables.none(2)
            : List.of(
                ParityText.signed(after[0] - before, 3),
                ParityText.signed(after[after.length - 1] - before, 3)));
    return row;
  }

  private static List<String> difference(ParityComparison c) {
    return List.of(
        ParityText.points(c.difference()),
        c.many() ? ParityText.points(c.interval().low()) : "",
        c.many() ? ParityText.points(c.interval().high()) : "");
  }
}
