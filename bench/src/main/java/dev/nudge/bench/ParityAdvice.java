package dev.nudge.bench;

import dev.nudge.eval.NonInferiority;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
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
            advice(over));
  }

  private static String advice(ParityComparison over) {
    if (over.firstIsBetter()) {
      return "Full is better by %s points: train all weights if there is memory for them."
          .formatted(ParityText.number(-100 * over.difference()));
    }
    if (over.margin().verdict() == NonInferiority.Verdict.HOLDS) {
      return "LoRA is not worse by more than %s points: train LoRA.".formatted(ParityText.margin());
    }
    return ("A loss of up to %s points is not excluded: begin with LoRA, which costs less, and try"
            + " full if the last points count.")
        .formatted(ParityText.percent(-over.interval().low()));
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
      new ParityComparisons(results)
          .pair(method, ParityMethod.LORA, ParityPart.side())
          .over()
          .ifPresent(
              over ->
                  (over.firstIsBetter() ? worse : over.secondIsBetter() ? better : open)
                      .add(method.brief() + " is at " + said(over)));
    }
    String all =
        verdict("Worse", worse)
            + verdict("Better", better)
            + verdict("Not significantly different", open);
    return all.isEmpty()
        ? ""
        : "- **Which adapter**, against LoRA of r 16 on all linear layers (mean of two"
            + " domains; r 8, r 64 and attention only at its learning rate)."
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
    return ("- **What is forgotten**: instructions followed, %s before; after training %s."
            + " [`--replay default`](../guide/train.md#keep-what-the-base-knew) is for that.\n")
        .formatted(instructions(domains, ParityMethod.BASE), after);
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
