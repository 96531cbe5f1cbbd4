package dev.nudge.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import tools.jackson.databind.JsonNode;

/// The tables of the parity study's page, each empty while nothing of it is done.
record ParityTables(ParityResults results) {
  private static final String SCORES = "scores";
  private static final List<ParityMethod> ASKED =
      List.of(
          ParityMethod.BASE,
          ParityMethod.BASE_NF4,
          ParityMethod.LORA,
          ParityMethod.QLORA,
          ParityMethod.FULL);

  /// Each method of each domain, beside full fine-tuning.
  String scores() {
    List<List<String>> rows = new ArrayList<>();
    for (ParityDomain domain : ParityDomain.ALL) {
      for (ParityMethod method : ASKED) {
        List<ParityPart> runs = results.runs(domain, method);
        if (!runs.isEmpty()) {
          List<String> row = new ArrayList<>(begin(domain, method, runs));
          row.addAll(
              beside(domain, ParityMethod.FULL, method).map(ParityTables::judged).orElse(none(5)));
          rows.add(row);
        }
      }
    }
    return ParityText.table(
        List.of(
            "domain, task, documents",
            "method",
            "right, % (by seed)",
            "against full, points (95 %)",
            "by seed",
            "full is better",
            "within %s points".formatted(ParityText.number(100 * ParityComparison.MARGIN)),
            "could be seen, points"),
        rows);
  }

  /// The other shapes of the adapter beside rank 16 on all linear layers.
  String side() {
    List<List<String>> rows = new ArrayList<>();
    for (ParityDomain domain : ParityPart.side()) {
      List<ParityMethod> shapes = new ArrayList<>(List.of(ParityMethod.LORA));
      shapes.addAll(ParityMethod.SIDE);
      boolean any = ParityMethod.SIDE.stream().anyMatch(m -> !results.runs(domain, m).isEmpty());
      for (ParityMethod method : shapes) {
        List<ParityPart> runs = results.runs(domain, method);
        if (any && !runs.isEmpty()) {
          List<String> row = new ArrayList<>(begin(domain, method, runs));
          row.set(1, method == ParityMethod.LORA ? "LoRA, r 16, all linear" : method.label());
          row.add(ParityText.whole(of(runs, r -> r.path("trained_parameters").asDouble())));
          for (ParityMethod other : List.of(ParityMethod.LORA, ParityMethod.FULL)) {
            row.add(beside(domain, other, method).map(ParityTables::difference).orElse(""));
          }
          rows.add(row);
        }
      }
    }
    return ParityText.table(
        List.of(
            "domain, task, documents",
            "adapter",
            "right, % (by seed)",
            "trained parameters",
            "against r 16 on all linear, points (95 %)",
            "against full, points (95 %)"),
        rows);
  }

  /// What the methods keep of what the base could.
  String retention() {
    List<List<String>> rows = new ArrayList<>();
    for (ParityDomain domain : ParityDomain.ALL) {
      List<ParityPart> base = results.runs(domain, ParityMethod.BASE);
      for (ParityMethod method : ASKED) {
        List<ParityPart> runs = results.runs(domain, method);
        if (!runs.isEmpty() && !base.isEmpty()) {
          rows.add(retained(domain, method, runs, base));
        }
      }
    }
    String table =
        ParityText.table(
            List.of(
                "after training on",
                "method",
                "knowledge: right, %",
                "against base, points (95 %)",
                "instructions: kept, %",
                "against base, points (95 %)",
                "text: bits a byte",
                "against base (least, most of a seed)"),
            rows);
    return table.isEmpty()
        ? ""
        : "Three tasks of the pack `retention`: 56 questions, 24 instructions that a program"
            + " checks, 10 texts (fewer bits are better; too few texts for an interval).\n\n"
            + table;
  }

  private List<String> retained(
      ParityDomain domain, ParityMethod method, List<ParityPart> runs, List<ParityPart> base) {
    List<String> row = new ArrayList<>(List.of(domain.name(), method.label()));
    for (String task : List.of(ParityRun.KNOWLEDGE, ParityRun.INSTRUCTIONS)) {
      row.add(ParityText.percent(results.score(runs, task)));
      row.add(
          method == ParityMethod.BASE
              ? ""
              : ParityComparison.of(results, domain, ParityMethod.BASE, method, task)
                  .map(ParityTables::difference)
                  .orElse(""));
    }
    double before = bits(base.getFirst());
    double[] after = runs.stream().mapToDouble(this::bits).sorted().toArray();
    double mean = Arrays.stream(after).average().orElseThrow();
    row.add(String.format(Locale.ROOT, "%.3f", mean));
    row.add(
        method == ParityMethod.BASE
            ? ""
            : "%s (%s, %s)"
                .formatted(
                    ParityText.signed(mean - before, 3),
                    ParityText.signed(after[0] - before, 3),
                    ParityText.signed(after[after.length - 1] - before, 3)));
    return row;
  }

  private double bits(ParityPart part) {
    return results.of(part).path("retention").path(ParityRun.TEXT).path("score").asDouble();
  }

  /// Held-out losses of the pilots.
  String rates() {
    List<List<String>> rows = new ArrayList<>();
    for (ParityDomain domain : ParityDomain.ALL) {
      for (ParityMethod method : ParityMethod.MAIN) {
        List<ParityPart> pilots = ParityPart.pilots(domain, method);
        if (pilots.stream().anyMatch(results::has)) {
          List<String> row = new ArrayList<>(List.of(domain.name(), method.label()));
          pilots.forEach(p -> row.add(results.has(p) ? pilot(p) : ""));
          row.add(
              results
                  .best(domain, method)
                  .map(p -> ParityMethod.written(p.rate()))
                  .orElse(pilots.stream().allMatch(results::has) ? "none" : "pilots are missing"));
          rows.add(row);
        }
      }
    }
    return ParityText.table(
        List.of("domain", "method", "rate: held-out loss, nats", "", "", "taken"), rows);
  }

  private String pilot(ParityPart pilot) {
    double loss = results.heldOut(pilot);
    return ParityMethod.written(pilot.rate())
        + ": "
        + (Double.isFinite(loss) ? String.format(Locale.ROOT, "%.3f", loss) : "diverged");
  }

  /// Time and memory of the runs, medians over seeds.
  String costs() {
    List<List<String>> rows = new ArrayList<>();
    for (ParityDomain domain : ParityDomain.ALL) {
      for (ParityMethod method : ParityMethod.MAIN) {
        List<ParityPart> runs = results.runs(domain, method);
        if (!runs.isEmpty()) {
          rows.add(
              List.of(
                  domain.name(),
                  method.label(),
                  ParityText.whole(of(runs, r -> r.path("trained_parameters").asDouble())),
                  ParityText.whole(of(runs, r -> r.path("rows").asDouble())),
                  ParityText.whole(of(runs, r -> r.path("steps").asDouble())),
                  ParityText.whole(of(runs, r -> r.path("tokens").asDouble())),
                  ParityText.whole(of(runs, r -> r.path("train_seconds").asDouble())),
                  ParityText.whole(of(runs, ParityTables::rate)),
                  ParityText.whole(of(runs, r -> r.path("peak_mb").asDouble())),
                  ParityText.whole(of(runs, r -> r.path("eval_seconds").asDouble()))));
        }
      }
    }
    return ParityText.table(
        List.of(
            "domain",
            "method",
            "trained parameters",
            "rows",
            "steps",
            "tokens",
            "training, s",
            "tokens/s",
            "RssAnon peak, MiB",
            "evaluation, s"),
        rows);
  }

  private static double rate(JsonNode run) {
    return run.path("tokens").asDouble() / run.path("train_seconds").asDouble();
  }

  private double of(List<ParityPart> runs, ToDoubleFunction<JsonNode> number) {
    return Steps.median(runs.stream().map(results::of).mapToDouble(number).toArray());
  }

  private List<String> begin(ParityDomain domain, ParityMethod method, List<ParityPart> runs) {
    int documents = ParityResults.scores(results.of(runs.getFirst()), SCORES).length;
    List<String> seeds =
        runs.stream().map(p -> ParityText.percent(results.score(List.of(p), SCORES))).toList();
    return List.of(
        "%s, `%s`, %d".formatted(domain.name(), domain.task(), documents),
        method.label(),
        ParityText.percent(results.score(runs, SCORES))
            + (method.trains() ? " (%s)".formatted(String.join(", ", seeds)) : ""));
  }

  private Optional<ParityComparison> beside(
      ParityDomain domain, ParityMethod first, ParityMethod second) {
    return first == second
        ? Optional.empty()
        : ParityComparison.of(results, domain, first, second, SCORES);
  }

  private static List<String> judged(ParityComparison c) {
    return List.of(
        difference(c),
        String.join(", ", c.seeds().stream().map(ParityText::points).toList()),
        c.firstIsBetter() ? "yes" : c.secondIsBetter() ? "no: worse" : "not shown",
        ParityText.word(c.margin().verdict()),
        ParityText.percent(c.seen()));
  }

  private static String difference(ParityComparison c) {
    return ParityText.points(c.difference())
        + (c.many() ? " (%s)".formatted(ParityText.interval(c.interval())) : "");
  }

  private static List<String> none(int cells) {
    return Collections.nCopies(cells, "");
  }
}
