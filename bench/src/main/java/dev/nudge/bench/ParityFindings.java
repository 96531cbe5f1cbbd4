package dev.nudge.bench;

import dev.nudge.eval.Holm;
import dev.nudge.eval.NonInferiority;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;

/// Says in sentences what the parity study found; all of them are made of numbers.
///
/// @param results of the parts that are done
record ParityFindings(ParityResults results) {

  /// A method beside another in the domains where both are done.
  private record Beside(
      ParityMethod method,
      ParityMethod other,
      String first,
      Map<ParityDomain, ParityComparison> each) {

    /// Seeds that both will have.
    int planned() {
      return Math.min(method.seeds(), other.seeds());
    }

    /// The domains where something holds, each with what is said of it.
    String which(Predicate<ParityComparison> those, Function<ParityComparison, String> said) {
      List<String> names = new ArrayList<>();
      each.forEach(
          (domain, c) -> {
            if (those.test(c)) {
              names.add(domain.name() + said.apply(c));
            }
          });
      return String.join(", ", names);
    }
  }

  /// All sentences, a line each.
  String all() {
    StringBuilder text = new StringBuilder();
    List<Beside> full =
        List.of(
            beside(ParityMethod.LORA, ParityMethod.FULL, "full", ParityDomain.ALL),
            beside(ParityMethod.QLORA, ParityMethod.FULL, "full", ParityDomain.ALL));
    full.forEach(b -> text.append(finding(b)));
    text.append(together(full));
    text.append(finding(beside(ParityMethod.QLORA, ParityMethod.LORA, "LoRA", ParityDomain.ALL)));
    for (ParityMethod side : ParityMethod.beside()) {
      text.append(finding(beside(side, ParityMethod.LORA, "r 16", ParityPart.side())));
    }
    return text.append(kept()).append(edges()).append(old()).toString();
  }

  private Beside beside(
      ParityMethod method, ParityMethod first, String name, List<ParityDomain> in) {
    Map<ParityDomain, ParityComparison> each = new LinkedHashMap<>();
    for (ParityDomain domain : in) {
      ParityComparison.of(results, domain, first, method, "scores")
          .ifPresent(c -> each.put(domain, c));
    }
    return new Beside(method, first, name, each);
  }

  private static String finding(Beside b) {
    if (b.each.isEmpty()) {
      return "";
    }
    String better = b.which(ParityComparison::firstIsBetter, ParityFindings::by);
    String worse = b.which(ParityComparison::secondIsBetter, ParityFindings::by);
    String open =
        b.which(
            c -> !c.firstIsBetter() && !c.secondIsBetter(),
            c -> " (%s)".formatted(ParityText.points(c.difference())));
    List<String> parts = new ArrayList<>();
    parts.add(b.first + " is shown to be better in " + (better.isEmpty() ? "no domain" : better));
    if (!worse.isEmpty()) {
      parts.add(b.method.brief() + " is shown to be better in " + worse);
    }
    if (!open.isEmpty()) {
      parts.add("no difference is shown in " + open);
    }
    List<String> verdicts = new ArrayList<>();
    for (NonInferiority.Verdict verdict : NonInferiority.Verdict.values()) {
      String in = b.which(c -> c.margin().verdict() == verdict, c -> "");
      if (!in.isEmpty()) {
        verdicts.add(ParityText.word(verdict) + " in " + in);
      }
    }
    return "- **%s beside %s**: %s. Within %s points of %s: %s.%s%s\n"
        .formatted(
            b.method.brief(),
            b.first,
            String.join("; ", parts),
            ParityText.margin(),
            b.first,
            String.join("; ", verdicts),
            over(b),
            seeds(b));
  }

  private static String by(ParityComparison c) {
    return " (by %s points)".formatted(ParityText.number(100 * Math.abs(c.difference())));
  }

  /// Says what the mean of all domains shows, also where no domain alone shows it.
  private static String over(Beside b) {
    if (b.each.size() < 2) {
      return "";
    }
    ParityComparison over = ParityComparison.over(List.copyOf(b.each.values()));
    return " Over %d domains, %s on the side of %s: %s points (%s), %s; within %s points: %s."
        .formatted(
            b.each.size(),
            b.each.values().stream().filter(c -> c.difference() < 0).count(),
            b.first,
            ParityText.points(over.difference()),
            ParityText.interval(over.interval()),
            over.firstIsBetter()
                ? b.first + " is better"
                : over.secondIsBetter()
                    ? b.method.brief() + " is better"
                    : "no difference is shown",
            ParityText.margin(),
            ParityText.word(over.margin().verdict()));
  }

  private static String seeds(Beside b) {
    String few =
        b.which(
            c -> c.seeds().size() < b.planned(),
            c -> " %d of %d".formatted(c.seeds().size(), b.planned()));
    return few.isEmpty() ? "" : " Not all seeds are done: " + few + ".";
  }

  /// Which differences from full are left where all of them are tested together.
  private static String together(List<Beside> full) {
    List<String> names = new ArrayList<>();
    List<Double> p = new ArrayList<>();
    for (Beside b : full) {
      b.each.forEach(
          (domain, c) -> {
            names.add(b.method.label() + " in " + domain.name());
            p.add(c.p());
          });
    }
    if (p.size() < 2) {
      return "";
    }
    double[] adjusted = Holm.adjusted(p.stream().mapToDouble(Double::doubleValue).toArray());
    List<String> left = new ArrayList<>();
    for (int i = 0; i < adjusted.length; i++) {
      if (adjusted[i] < 0.05) {
        left.add(names.get(i));
      }
    }
    return "- Of these %d differences from full, those that are shown when all are tested together (Holm, 5 %%): %s.\n"
        .formatted(p.size(), left.isEmpty() ? "none" : String.join(", ", left));
  }

  /// What methods keep of the base, over the domains where all of them are done.
  private String kept() {
    List<ParityDomain> domains =
        ParityDomain.ALL.stream()
            .filter(d -> !results.runs(d, ParityMethod.BASE).isEmpty())
            .filter(d -> ParityMethod.MAIN.stream().noneMatch(m -> results.runs(d, m).isEmpty()))
            .toList();
    if (domains.isEmpty()) {
      return "";
    }
    return "- **What is kept**, after training on %s (before): questions of knowledge %s; instructions %s; bits a byte of texts, fewer are better, %s.\n"
        .formatted(
            domains.size() == 1
                ? domains.getFirst().name()
                : "each of " + domains.size() + " domains",
            means(domains, ParityRun.KNOWLEDGE),
            means(domains, ParityRun.INSTRUCTIONS),
            means(domains, ParityRun.TEXT));
  }

  private String means(List<ParityDomain> domains, String task) {
    List<String> each = new ArrayList<>();
    for (ParityMethod method : ParityMethod.MAIN) {
      each.add(method.label() + " " + mean(domains, method, task));
    }
    return "%s (%s)".formatted(String.join(", ", each), mean(domains, ParityMethod.BASE, task));
  }

  private String mean(List<ParityDomain> domains, ParityMethod method, String task) {
    double mean =
        domains.stream()
            .mapToDouble(d -> results.retained(results.runs(d, method), task))
            .average()
            .orElseThrow();
    return task.equals(ParityRun.TEXT)
        ? String.format(Locale.ROOT, "%.2f", mean)
        : ParityText.percent(mean) + " %";
  }

  /// Says where the best rate is the lowest or the highest that was tried, also while some are not.
  private String edges() {
    List<String> edges = new ArrayList<>();
    for (ParityDomain domain : ParityDomain.ALL) {
      for (ParityMethod method : ParityMethod.piloting()) {
        List<ParityPart> tried = results.piloted(domain, method);
        String few =
            tried.size() < method.rates().size()
                ? ", %d of %d rates tried".formatted(tried.size(), method.rates().size())
                : "";
        results
            .bestSoFar(domain, method)
            .filter(p -> tried.size() > 1) // one alone has no other beside it
            .filter(p -> p.equals(tried.getFirst()) || p.equals(tried.getLast()))
            .map(p -> ParityMethod.written(p.rate()) + few)
            .ifPresent(r -> edges.add("%s, %s (%s)".formatted(domain.name(), method.label(), r)));
      }
    }
    return edges.isEmpty()
        ? ""
        : "- The best rate is at the edge of those tried, so a better one may lie beyond it: "
            + String.join("; ", edges)
            + ".\n";
  }

  /// Says which runs have other settings than are chosen now.
  private String old() {
    List<String> old =
        results.done().stream()
            .filter(results::isOld)
            .map(p -> "%s, %s".formatted(p.domain().name(), p.method().label()))
            .distinct()
            .toList();
    return old.isEmpty()
        ? ""
        : "- **Runs that do not have the best settings yet**, and are to be done anew: "
            + String.join("; ", old)
            + ".\n";
  }
}
