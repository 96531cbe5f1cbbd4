package dev.nudge.bench;

import dev.nudge.eval.NonInferiority;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;
import tools.jackson.databind.JsonNode;

/// Says for each kind of task what the parity study shows of LoRA and full fine-tuning, and what to
/// do; made of numbers.
///
/// @param results of the parts that are done
record ParityAdvice(ParityResults results) {

  String all() {
    return kind("One of many intents of a short query", true)
        + kind("A question about a long text", false);
  }

  private String kind(String name, boolean intents) {
    List<ParityDomain> domains = new ArrayList<>();
    List<ParityComparison> each = new ArrayList<>();
    for (ParityDomain domain : ParityDomain.ALL) {
      if (domain.isIntents() == intents) {
        ParityComparison.of(results, domain, ParityMethod.FULL, ParityMethod.LORA, "scores")
            .ifPresent(
                c -> {
                  domains.add(domain);
                  each.add(c);
                });
      }
    }
    if (each.isEmpty()) {
      return "";
    }
    ParityComparison over = ParityComparison.over(each);
    return "- **%s** (%s): LoRA beside full %s points (%s), with %s of the memory and %s of the time of training. %s\n"
        .formatted(
            name,
            String.join(" and ", domains.stream().map(ParityDomain::name).toList()),
            ParityText.points(over.difference()),
            ParityText.interval(over.interval()),
            share(domains, r -> r.path("peak_mb").asDouble()),
            share(domains, r -> r.path("train_seconds").asDouble()),
            advice(over));
  }

  private static String advice(ParityComparison over) {
    if (over.firstIsBetter()) {
      return "Full is better by %s points: train all weights where there is memory for it."
          .formatted(ParityText.number(-100 * over.difference()));
    }
    if (over.margin().verdict() == NonInferiority.Verdict.HOLDS) {
      return "LoRA is shown to lose less than %s points: train LoRA."
          .formatted(ParityText.margin());
    }
    return "Which is better is not shown: begin with LoRA, and try full where its last points would"
        + " count.";
  }

  /// LoRA's share of a figure of full.
  private String share(List<ParityDomain> domains, ToDoubleFunction<JsonNode> figure) {
    double share =
        domains.stream()
            .mapToDouble(
                d -> mean(d, ParityMethod.LORA, figure) / mean(d, ParityMethod.FULL, figure))
            .average()
            .orElseThrow();
    return ParityText.whole(100 * share) + " %";
  }

  private double mean(ParityDomain domain, ParityMethod method, ToDoubleFunction<JsonNode> figure) {
    return results.runs(domain, method).stream()
        .map(results::of)
        .mapToDouble(figure)
        .average()
        .orElseThrow();
  }
}
