package dev.nudge.bench;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import tools.jackson.databind.JsonNode;

/// The tables of the parity study's page, each empty while nothing of it is done.
record ParityTables(ParityResults results) {
  private static final String SCORES = "scores";
  private static final int RATES = 4; // at most
  private static final String UNTRAINED =
      "The base is asked without an example, and the intents of finance and support do not stand in"
          + " the prompt: what it scores there says nothing of what it knows.\n\n";
  private static final String MAPPED =
      "Of machines that were not always quiet. RssAnon is without the pages of mapped files, where"
          + " the base of LoRA lies; four bits are made in memory.\n\n";
  private static final String ONE_MODEL =
      "Of one model of 135 million weights, in few steps: no rule for others follows from it.\n\n";
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
              beside(domain, ParityMethod.FULL, method)
                  .map(c -> method.trains() ? judged(c) : apart(c))
                  .orElse(none(5)));
          rows.add(row);
        }
      }
    }
    return ParityText.table(
        UNTRAINED,
        List.of(
            "domain, task, documents",
            "method, rate",
            "right, % (by seed)",
            "against full, points (95 %)",
            "by seed",
            "full is better",
            "within %s points".formatted(ParityText.margin()),
            "could be seen, points"),
        rows);
  }

  /// The other shapes of the adapter beside rank 16 on all linear layers.
  String side() {
    List<List<String>> rows = new ArrayList<>();
    for (ParityDomain domain : ParityPart.side()) {
      List<ParityMethod> shapes = new ArrayList<>(List.of(ParityMethod.LORA));
      shapes.addAll(ParityMethod.beside());
      boolean any =
          ParityMethod.beside().stream().anyMatch(m -> !results.runs(domain, m).isEmpty());
      for (ParityMethod method : shapes) {
        List<ParityPart> runs = results.runs(domain, method);
        if (any && !runs.isEmpty()) {
          List<String> row = new ArrayList<>(begin(domain, method, runs));
          row.set(1, method == ParityMethod.LORA ? "LoRA, r 16, all linear" : method.label());
          row.add(results.rates(runs));
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
            "rate",
            "trained parameters",
            "against r 16 on all linear, points (95 %)",
            "against full, points (95 %)"),
        rows);
  }

  /// Held-out losses of the pilots.
  String rates() {
    List<List<String>> rows = new ArrayList<>();
    for (ParityDomain domain : ParityDomain.ALL) {
      for (ParityMethod method : ParityMethod.piloting()) {
        List<ParityPart> pilots = ParityPart.pilots(domain, method);
        if (pilots.stream().anyMatch(results::has)) {
          List<String> row = new ArrayList<>(List.of(domain.name(), method.label()));
          pilots.forEach(p -> row.add(results.has(p) ? pilot(p) : ""));
          row.addAll(none(RATES - pilots.size()));
          row.add(taken(domain, method));
          rows.add(row);
        }
      }
    }
    for (ParityMethod method : ParityMethod.MAIN) {
      List<String> above = method.rates().stream().map(r -> above(method, r)).toList();
      if (above.stream().anyMatch(cell -> !cell.isEmpty())) {
        List<String> row = new ArrayList<>(List.of("all: mean above the best", method.label()));
        row.addAll(above);
        row.add("");
        rows.add(row);
      }
    }
    return ParityText.table(
        ONE_MODEL,
        List.of(
            "domain", "method", "rate: lowest held-out loss, nats (at step)", "", "", "", "taken"),
        rows);
  }

  /// The best rate, or that of the pilots so far: runs that were done before the others had it.
  private String taken(ParityDomain domain, ParityMethod method) {
    boolean all = results.piloted(domain, method).size() == method.rates().size();
    return results
        .bestSoFar(domain, method)
        .map(p -> ParityMethod.written(p.rate()) + (all ? "" : " so far; pilots are missing"))
        .orElse(all ? "none" : "pilots are missing");
  }

  /// What a rate for all domains loses; empty until all have tried it.
  private String above(ParityMethod method, double rate) {
    double sum = 0;
    for (ParityDomain domain : ParityDomain.ALL) {
      List<ParityPart> done = results.piloted(domain, method);
      Optional<ParityPart> tried = done.stream().filter(p -> p.rate() == rate).findFirst();
      if (tried.isEmpty()) {
        return "";
      }
      double best = done.stream().mapToDouble(results::heldOut).min().orElseThrow();
      sum += results.heldOut(tried.get()) - best;
    }
    double mean = sum / ParityDomain.ALL.size();
    return ParityMethod.written(rate)
        + ": "
        + (Double.isFinite(mean) ? ParityText.signed(mean, 3) : "diverged");
  }

  /// Held-out losses of the loops that were tried.
  String loops() {
    List<List<String>> rows = new ArrayList<>();
    for (ParityDomain domain : ParityPart.side()) {
      for (ParityMethod method : ParityMethod.PAIR) {
        List<ParityPart> loops = ParityPart.loops(domain, method);
        if (loops.stream().anyMatch(results::has)) {
          List<String> row = new ArrayList<>(List.of(domain.name(), method.label()));
          loops.forEach(p -> row.add(results.has(p) ? loop(p) : ""));
          row.add(
              loops.stream().allMatch(results::has)
                  ? results.loop(domain, method).label(domain)
                  : "some are missing");
          rows.add(row);
        }
      }
    }
    return ParityText.table(
        List.of(
            "domain",
            "method",
            "epochs, warm-up: held-out loss after the last step, nats",
            "",
            "",
            "",
            "taken"),
        rows);
  }

  private String loop(ParityPart part) {
    double loss = results.heldOut(part);
    return "%s: %s"
        .formatted(
            part.loop().label(part.domain()),
            Double.isFinite(loss) ? String.format(Locale.ROOT, "%.3f", loss) : "diverged");
  }

  private String pilot(ParityPart pilot) {
    double loss = results.heldOut(pilot);
    JsonNode values = results.of(pilot);
    return ParityMethod.written(pilot.rate())
        + ": "
        + (Double.isFinite(loss)
            ? String.format(
                Locale.ROOT,
                "%.3f (%d of %d)",
                loss,
                values.path("held_out_step").asInt(),
                values.path("steps").asInt())
            : "diverged");
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
                  ParityText.whole(of(runs, r -> r.path("peak_mb").asDouble()))));
        }
      }
    }
    return ParityText.table(
        MAPPED,
        List.of(
            "domain",
            "method",
            "trained parameters",
            "rows",
            "steps",
            "tokens",
            "training, s",
            "tokens/s",
            "RssAnon peak, MiB"),
        rows);
  }

  private static double rate(JsonNode run) {
    return run.path("tokens").asDouble() / run.path("train_seconds").asDouble();
  }

  private double of(List<ParityPart> runs, ToDoubleFunction<JsonNode> number) {
    return TrainingSteps.median(runs.stream().map(results::of).mapToDouble(number).toArray());
  }

  private List<String> begin(ParityDomain domain, ParityMethod method, List<ParityPart> runs) {
    int documents = ParityResults.scores(results.of(runs.getFirst()), SCORES).length;
    List<String> seeds =
        runs.stream().map(p -> ParityText.percent(results.score(List.of(p), SCORES))).toList();
    return List.of(
        "%s, `%s`, %d".formatted(domain.name(), domain.task(), documents),
        named(results, method, runs),
        ParityText.percent(results.score(runs, SCORES))
            + (method.trains() ? " (%s)".formatted(String.join(", ", seeds)) : ""));
  }

  /// A method with the rate of its runs.
  static String named(ParityResults results, ParityMethod method, List<ParityPart> runs) {
    String rates = results.rates(runs);
    return method.label() + (rates.isEmpty() ? "" : ", " + rates);
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

  /// Of a base the difference alone: that training helps is no question here.
  private static List<String> apart(ParityComparison c) {
    List<String> cells = new ArrayList<>(List.of(difference(c)));
    cells.addAll(none(4));
    return cells;
  }

  static String difference(ParityComparison c) {
    return ParityText.points(c.difference())
        + (c.many() ? " (%s)".formatted(ParityText.interval(c.interval())) : "");
  }

  private static List<String> none(int cells) {
    return Collections.nCopies(cells, "");
  }
}
