package dev.nudge.bench;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/// The tables of the parity study's page that stand beside [ParityComparisons], each empty while
/// nothing of it is done.
record ParityTables(ParityResults results) {
  private static final String SCORES = "scores";
  private static final String UNTRAINED =
      "The base gets no example, and the intents of finance and support are not in the prompt, so"
          + " its accuracy there says nothing of what it knows.\n\n";
  private static final String LOSSES =
      "Lowest held-out loss of a pilot, nats. \"At the edge\": the chosen learning rate is the lowest"
          + " or the highest that was tried, so a better one may lie beyond it. One model of 135"
          + " million weights in few steps: no rule for others follows.\n\n";
  private static final String LAST =
      "Held-out loss after the last step, nats, by epochs and warm-up. The first column is chosen"
          + " unless the lowest loss is below it by an interval (95 %, paired by rows) without 0.\n\n";
  private static final String MAPPED =
      "Medians over the seeds that ran on the first seed's machine, sometimes beside other programs."
          + " RssAnon leaves out mapped files, where the base of LoRA is; the weights in four bits"
          + " are made in memory.\n\n";

  /// The accuracy of each method in each domain, and of each of its seeds.
  String accuracy() {
    int seeds = ParityMethod.LORA.seeds();
    List<String> heads =
        new ArrayList<>(
            List.of("domain", "task", "test examples", "method", "learning rate", "accuracy, %"));
    for (int seed = 0; seed < seeds; seed++) {
      heads.add("seed " + seed);
    }
    List<ParityMethod> methods =
        Stream.of(
                List.of(ParityMethod.BASE, ParityMethod.BASE_NF4),
                ParityMethod.MAIN,
                ParityMethod.beside())
            .flatMap(List::stream)
            .toList();
    List<List<String>> rows = new ArrayList<>();
    for (ParityDomain domain : ParityDomain.ALL) {
      for (ParityMethod method : methods) {
        List<ParityPart> runs = results.runs(domain, method);
        if (!runs.isEmpty()) {
          List<String> row = new ArrayList<>(List.of(domain.name(), "`" + domain.task() + "`"));
          row.add("" + ParityResults.scores(results.of(runs.getFirst()), SCORES).length);
          row.add(method.label());
          row.add(results.rates(runs));
          row.add(ParityText.percent(results.score(runs, SCORES)));
          for (int seed = 0; seed < seeds; seed++) {
            row.add(method.trains() ? ofSeed(runs, seed) : "");
          }
          rows.add(row);
        }
      }
    }
    return ParityText.table(UNTRAINED, heads, rows);
  }

  private String ofSeed(List<ParityPart> runs, int seed) {
    return runs.stream()
        .filter(p -> p.seed() == seed)
        .map(p -> ParityText.percent(results.score(List.of(p), SCORES)))
        .findFirst()
        .orElse("");
  }

  /// Held-out losses of the pilots, by learning rate.
  String rates() {
    List<Double> rates =
        ParityMethod.piloting().stream()
            .flatMap(m -> m.rates().stream())
            .distinct()
            .sorted()
            .toList();
    List<String> heads = new ArrayList<>(List.of("domain", "method"));
    rates.forEach(rate -> heads.add(ParityMethod.written(rate)));
    heads.addAll(List.of("chosen", "at the edge"));
    List<List<String>> rows = new ArrayList<>();
    for (ParityDomain domain : ParityDomain.ALL) {
      for (ParityMethod method : ParityMethod.piloting()) {
        List<ParityPart> tried = results.piloted(domain, method);
        if (!tried.isEmpty()) {
          List<String> row = new ArrayList<>(List.of(domain.name(), method.label()));
          rates.forEach(rate -> row.add(at(tried, rate).map(this::loss).orElse("")));
          row.add(chosen(domain, method));
          row.add(isAtTheEdge(domain, method) ? "yes" : "");
          rows.add(row);
        }
      }
    }
    for (ParityMethod method : ParityMethod.MAIN) {
      List<String> above = rates.stream().map(rate -> above(method, rate)).toList();
      if (above.stream().anyMatch(cell -> !cell.isEmpty())) {
        List<String> row = new ArrayList<>(List.of("mean above the best", method.label()));
        row.addAll(above);
        row.addAll(List.of("", ""));
        rows.add(row);
      }
    }
    return ParityText.table(LOSSES, heads, rows);
  }

  private static Optional<ParityPart> at(List<ParityPart> tried, double rate) {
    return tried.stream().filter(p -> p.rate() == rate).findFirst();
  }

  private String loss(ParityPart trial) {
    double loss = results.heldOut(trial);
    return Double.isFinite(loss) ? String.format(Locale.ROOT, "%.3f", loss) : "diverged";
  }

  /// The best rate, or that of the pilots so far.
  private String chosen(ParityDomain domain, ParityMethod method) {
    boolean all = results.best(domain, method).isPresent();
    return results
        .bestSoFar(domain, method)
        .map(p -> ParityMethod.written(p.rate()) + (all ? "" : ", not all tried"))
        .orElse("none");
  }

  private boolean isAtTheEdge(ParityDomain domain, ParityMethod method) {
    List<ParityPart> tried = results.piloted(domain, method);
    return results
        .best(domain, method)
        .filter(p -> p.equals(tried.getFirst()) || p.equals(tried.getLast()))
        .isPresent();
  }

  /// The mean loss of one rate in all domains above the best of each; empty until all have tried
  /// it.
  private String above(ParityMethod method, double rate) {
    double sum = 0;
    for (ParityDomain domain : ParityDomain.ALL) {
      List<ParityPart> done = results.piloted(domain, method);
      Optional<ParityPart> tried = at(done, rate);
      if (tried.isEmpty()) {
        return "";
      }
      double best = done.stream().mapToDouble(results::heldOut).min().orElseThrow();
      sum += results.heldOut(tried.get()) - best;
    }
    double mean = sum / ParityDomain.ALL.size();
    return Double.isFinite(mean) ? ParityText.signed(mean, 3) : "diverged";
  }

  /// Held-out losses of the epochs and warm-ups that were tried.
  String loops() {
    List<String> heads = new ArrayList<>(List.of("domain", "method"));
    for (ParityLoop loop : ParityLoop.values()) {
      heads.add(loop.label(ParityPart.side().getFirst()));
    }
    heads.addAll(List.of("lowest − first", "from", "to", "chosen"));
    List<List<String>> rows = new ArrayList<>();
    for (ParityDomain domain : ParityPart.side()) {
      for (ParityMethod method : ParityMethod.PAIR) {
        List<ParityPart> loops = ParityPart.loops(domain, method);
        if (loops.stream().anyMatch(results::has)) {
          List<String> row = new ArrayList<>(List.of(domain.name(), method.label()));
          loops.forEach(p -> row.add(results.has(p) ? loss(p) : ""));
          boolean open = loops.stream().anyMatch(results::isMissing);
          row.addAll(open ? none(3) : lower(results.lowest(loops)));
          row.add(open ? "" : results.loop(domain, method).label(domain));
          rows.add(row);
        }
      }
    }
    return ParityText.table(LAST, heads, rows);
  }

  private List<String> lower(ParityPart loop) {
    return results
        .abovePlan(loop)
        .filter(d -> loop.loop() != ParityLoop.PLAN)
        .map(
            d ->
                List.of(
                    ParityText.signed(d.value(), 3),
                    ParityText.signed(d.interval().low(), 3),
                    ParityText.signed(d.interval().high(), 3)))
        .orElse(none(3));
  }

  /// Time and memory of the runs.
  String costs() {
    List<List<String>> rows = new ArrayList<>();
    for (ParityDomain domain : ParityDomain.ALL) {
      for (ParityMethod method : ParityMethod.MAIN) {
        List<ParityPart> runs = results.runs(domain, method);
        if (!runs.isEmpty()) {
          List<String> row = new ArrayList<>(List.of(domain.name(), method.label()));
          for (String key : List.of("trained_parameters", "rows", "steps", "tokens")) {
            row.add(whole(runs, key));
          }
          row.add(whole(runs, "train_seconds"));
          row.add(ParityText.whole(results.median(runs, ParityTables::rate)));
          row.add(whole(runs, "peak_mb"));
          rows.add(row);
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

  private String whole(List<ParityPart> runs, String key) {
    return ParityText.whole(results.median(runs, run -> run.path(key).asDouble()));
  }

  private static double rate(JsonNode run) {
    return run.path("tokens").asDouble() / run.path("train_seconds").asDouble();
  }

  static List<String> none(int cells) {
    return Collections.nCopies(cells, "");
  }
}
