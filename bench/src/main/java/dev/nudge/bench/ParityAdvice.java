package dev.nudge.bench;

import dev.nudge.eval.NonInferiority;
import dev.nudge.settings.Count;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/// Says what the parity study shows and what to do, in sentences made of numbers.
///
/// @param results of the parts that are done
record ParityAdvice(ParityResults results) {
  private static final ToDoubleFunction<JsonNode> SECONDS = r -> r.path("train_seconds").asDouble();
  private static final ToDoubleFunction<JsonNode> MEMORY = r -> r.path("peak_mb").asDouble();

  /// A line for each kind of task, then for QLoRA, the shape of the adapter, and what is forgotten.
  String all() {
    return kind("One of many intents of a short query", true)
        + kind("A question about a long text", false)
        + qlora()
        + shapes()
        + forgotten();
  }

  private String kind(String name, boolean intents) {
    List<ParityDomain> domains =
        ParityDomain.ALL.stream().filter(d -> d.isIntents() == intents).toList();
    ParityComparisons.Pair pair =
        new ParityComparisons(results).pair(ParityMethod.LORA, ParityMethod.FULL, domains);
    if (pair.each().isEmpty()) {
      return "";
    }
    ParityComparison over = ParityComparison.over(List.copyOf(pair.each().values()));
    return "- **%s**: LoRA − full is %s, mean %s; LoRA takes %s of the time of training. %s\n"
        .formatted(
            name,
            String.join(
                ", ",
                pair.each().entrySet().stream()
                    .map(
                        e -> e.getKey().name() + " " + ParityText.points(e.getValue().difference()))
                    .toList()),
            said(over),
            share(pair, SECONDS),
            advice(over, pair.each().values()));
  }

  private static String advice(ParityComparison over, Collection<ParityComparison> each) {
    NonInferiority.Verdict verdict = over.margin().verdict();
    if (disagree(each)) {
      return "The domains differ by more than chance, so their mean is no guide: try LoRA and full"
          + " on your rows.";
    }
    if (verdict == NonInferiority.Verdict.HOLDS) {
      return "LoRA is not worse by more than %s points: train LoRA.".formatted(ParityText.margin());
    }
    if (over.firstIsBetter() || verdict == NonInferiority.Verdict.FAILS) {
      String better = ParityText.number(-100 * over.difference());
      return each.stream().anyMatch(ParityComparison::firstIsBetter)
          ? "Full is better by %s points: train all weights if there is memory for them."
              .formatted(better)
          : ("Full is better by %s points in one pooled interval and is shown better in no domain"
                  + " by itself: if there is memory, try all weights on your rows.")
              .formatted(better);
    }
    return ("A loss of up to %s points is not excluded: begin with LoRA, which costs less, and try"
            + " full if the last points count.")
        .formatted(ParityText.percent(-over.interval().low()));
  }

  /// Whether one domain is for the first, another for the second, and that is shown to be no
  /// chance.
  private static boolean disagree(Collection<ParityComparison> each) {
    Comparator<ParityComparison> order = Comparator.comparingDouble(ParityComparison::difference);
    ParityComparison low = Collections.min(each, order);
    ParityComparison high = Collections.max(each, order);
    ParityError half =
        ParityError.ofMean(List.of(low.error(), high.error())); // of (high − low) / 2
    return low.difference() < 0
        && high.difference() > 0
        && half.interval((high.difference() - low.difference()) / 2, 0.95).low() > 0;
  }

  private String qlora() {
    ParityComparisons.Pair pair =
        new ParityComparisons(results)
            .pair(ParityMethod.QLORA, ParityMethod.LORA, ParityDomain.ALL);
    return pair.over()
        .map(
            over ->
                ("- **QLoRA**: QLoRA − LoRA is %s over %d domains; %s of the time, %s of the"
                        + " RssAnon, which leaves out LoRA's mapped base. The weights of this base"
                        + " were rounded to four bits once before, so another base may lose more."
                        + " Take QLoRA if the base in bf16 does not fit.\n")
                    .formatted(
                        said(over), pair.each().size(), share(pair, SECONDS), share(pair, MEMORY)))
        .orElse("");
  }

  private String shapes() {
    List<String> worse = new ArrayList<>();
    List<String> better = new ArrayList<>();
    List<String> open = new ArrayList<>();
    for (ParityMethod method : ParityMethod.beside()) {
      ParityComparisons.Pair pair =
          new ParityComparisons(results).pair(method, ParityMethod.LORA, ParityPart.side());
      if (pair.each().isEmpty()) {
        continue;
      }
      Map.Entry<ParityDomain, ParityComparison> first = pair.each().entrySet().iterator().next();
      ParityComparison all = pair.over().orElse(first.getValue());
      String where =
          pair.each().size() > 1
              ? ""
              : " in %s alone, %s"
                  .formatted(first.getKey().name(), Count.of(all.seeds().size(), "seed"));
      boolean one = pair.each().values().stream().anyMatch(c -> c.seeds().size() < 2);
      (one ? open : all.firstIsBetter() ? worse : all.secondIsBetter() ? better : open)
          .add(method.brief() + " is at " + said(all) + where);
    }
    String all =
        verdict("Worse", worse) + verdict("Better", better) + verdict("Not told apart", open);
    return all.isEmpty()
        ? ""
        : "- **Which adapter**, against LoRA of r 16 on all linear layers (mean of two"
            + " domains where none is named; r 8, r 64 and attention only take its learning rate)."
            + all
            + "\n";
  }

  private static String verdict(String name, List<String> methods) {
    return methods.isEmpty() ? "" : " " + name + ": " + String.join(", ", methods) + ".";
  }

  /// Instructions that are followed before and after.
  private String forgotten() {
    List<ParityDomain> domains =
        ParityDomain.ALL.stream()
            .filter(d -> !results.runs(d, ParityMethod.BASE).isEmpty())
            .filter(d -> ParityMethod.MAIN.stream().noneMatch(m -> results.runs(d, m).isEmpty()))
            .toList();
    if (domains.isEmpty()) {
      return "";
    }
    String after =
        ParityMethod.MAIN.stream()
            .map(m -> m.label() + " " + instructions(domains, m))
            .collect(Collectors.joining(", "));
    return ("- **What is forgotten** (mean of %d domains): of 24 instructions followed, %s before;"
            + " after training %s. Bits per byte of other texts, fewer are better: %s."
            + " [`--replay default`](../guide/train.md#keep-what-the-base-knew) is meant for that;"
            + " the study did not try it.\n")
        .formatted(domains.size(), instructions(domains, ParityMethod.BASE), after, bits(domains));
  }

  private String bits(List<ParityDomain> domains) {
    return Stream.concat(Stream.of(ParityMethod.BASE), ParityMethod.MAIN.stream())
        .map(m -> m.label() + " " + String.format(Locale.ROOT, "%.2f", bits(domains, m)))
        .collect(Collectors.joining(", "));
  }

  private double bits(List<ParityDomain> domains, ParityMethod method) {
    return domains.stream()
        .mapToDouble(
            d ->
                results.runs(d, method).stream().mapToDouble(results::bits).average().orElseThrow())
        .average()
        .orElseThrow();
  }

  private String instructions(List<ParityDomain> domains, ParityMethod method) {
    return ParityText.percent(
            domains.stream()
                .mapToDouble(d -> results.score(results.runs(d, method), ParityRun.INSTRUCTIONS))
                .average()
                .orElseThrow())
        + " %";
  }

  private static String said(ParityComparison c) {
    return "%s points (%s)"
        .formatted(ParityText.points(c.difference()), ParityText.interval(c.interval()));
  }

  /// A figure of the first method as a share of the second's: the mean over the domains.
  private String share(ParityComparisons.Pair pair, ToDoubleFunction<JsonNode> figure) {
    double share =
        pair.each().keySet().stream()
            .mapToDouble(
                d ->
                    results.median(results.runs(d, pair.method()), figure)
                        / results.median(results.runs(d, pair.other()), figure))
            .average()
            .orElseThrow();
    return ParityText.whole(100 * share) + " %";
  }
}
