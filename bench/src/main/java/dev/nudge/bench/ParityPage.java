package dev.nudge.bench;

import dev.nudge.settings.Count;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/// Writes `docs/parity.md` from the files of the study alone; every sentence that says what was
/// found is made of numbers.
final class ParityPage {
  private static final String HEAD =
      """
      # LoRA, QLoRA and full fine-tuning on the same rows

      `bench/parity` writes this page from the [files of its parts](parity/README.md); it is not edited by hand.

          bench/parity [--only DOMAIN|METHOD|KIND|PART,…] [--minutes 600] [--model DIR] [--data DIR] [--work DIR] [--results docs/parity]
                       [--report no|only]

      """;

  private static final String HOW =
      """
      ## How

      - One task of each [pack](evaluation.md#packs), its prompt to the letter in training. Rows are chosen by a hash of their `id`; prompts that are too long or
        stand among the documents are left out. LegalBench has 88 test rows, so its rows are divided anew. All methods see the same rows, in the order of
        their seed, in the same number of steps.
      - LoRA and QLoRA: rank 16, alpha 32, all linear layers; QLoRA on NF4 with double quantisation. Full: all weights, bf16 with fp32 masters. Else the defaults of
        `nudge train`: AdamW, linear, warm-up 0.03, no decay, no dropout. The last step counts; nothing is chosen by documents.
      - Each method has its best rate of three, half a decade apart: the lowest held-out loss of a pilot on a tenth of the rows, twice the epochs, seed 0, judged
        on 64 other rows to learn from. Full's reach from what recipes for large models take (2e-5) to what SmolLM2's own take for its small models in larger
        batches (3e-4, 1e-3); LoRA's are ten times as high ("LoRA without regret"). The side runs take LoRA's rate and alpha.
      - A document's score is its mean over the seeds. Intervals of 95 %% are of a paired bootstrap over documents (10,000 resamples), on the same seeds. They say
        what other documents would change, not what other seeds would: differences by seed stand beside them. Over all domains each counts alike; the interval is normal.
        Legal documents are drawn by the kind of their question, as [the pack](evaluation.md#packs) has it. Where no document tells two methods apart
        the interval is Tango's for so many documents, not 0.
      - "Full is better" is an interval below 0. "Within %s points" is one-sided at 95 %%: *shown* where the bound of the loss is less, *shown not* where the
        other bound is more, else *cannot tell*. "Could be seen" is the smallest difference that shows four times of five with such errors.
      - Counted beforehand: some 75,000 tokens a run, so 54 runs of 150 to 190 s, 36 pilots of about 60 s and 62 evaluations of 30 to 90 s are some four and
        a quarter hours of two Zen 4 cores. The command stops before a part that would take all together beyond six.
      """;

  private final ParityResults results;
  private final StringBuilder page = new StringBuilder(HEAD);

  private ParityPage(ParityResults results) {
    this.results = results;
  }

  static String of(ParityResults results) {
    return new ParityPage(results).write();
  }

  private String write() {
    state();
    ParityTables tables = new ParityTables(results);
    section("What was found", findings());
    section("Scores", tables.scores());
    section("What is kept", tables.retention());
    section("Rank and layers", tables.side());
    section("Rates", tables.rates());
    section("What a run takes", tables.costs());
    page.append(String.format(Locale.ROOT, HOW, ParityText.number(100 * ParityComparison.MARGIN)));
    missing();
    return page.toString();
  }

  private void state() {
    int done = results.done().size();
    int all = ParityPart.all().size();
    line(
        String.format(
            Locale.ROOT,
            "Parts done: %d of %d, in %.2f hours (at most 6).%s",
            done,
            all,
            results.seconds() / 3600,
            done < all
                ? " **The study is not finished**: see [what is missing](#not-done-yet)."
                : ""));
    if (done > 0) {
      line(
          "%s; %s; commit %s; %s.\n"
              .formatted(seen("model"), seen("machine"), seen("commit"), dates()));
    } else {
      line("");
    }
  }

  /// The values of a key over all files.
  private String seen(String key) {
    return String.join(", ", values(key));
  }

  private String dates() {
    NavigableSet<String> dates = values("date");
    return dates.size() == 1 ? dates.first() : dates.first() + " to " + dates.last();
  }

  private NavigableSet<String> values(String key) {
    return results.done().stream()
        .map(p -> results.of(p).path(key).asString(""))
        .filter(value -> !value.isEmpty())
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private String findings() {
    StringBuilder text = new StringBuilder();
    int compared = 0;
    for (ParityMethod method : List.of(ParityMethod.LORA, ParityMethod.QLORA)) {
      List<ParityDomain> domains = new ArrayList<>();
      List<ParityComparison> each = new ArrayList<>();
      for (ParityDomain domain : ParityDomain.ALL) {
        ParityComparison.of(results, domain, ParityMethod.FULL, method, "scores")
            .ifPresent(
                c -> {
                  domains.add(domain);
                  each.add(c);
                });
      }
      if (!each.isEmpty()) {
        text.append(ParityText.finding(method, domains, each));
        compared += each.size();
      }
    }
    if (compared > 1) {
      text.append(
          "- These are %d comparisons: were there no difference at all, at least one interval would leave out 0 in about %s %% of such studies.\n"
              .formatted(compared, ParityText.whole(100 * (1 - Math.pow(0.95, compared)))));
    }
    text.append(edges());
    return text.toString();
  }

  /// Says where the best rate is the lowest or the highest that was tried.
  private String edges() {
    List<String> edges = new ArrayList<>();
    for (ParityDomain domain : ParityDomain.ALL) {
      for (ParityMethod method : ParityMethod.MAIN) {
        List<Double> rates = method.rates();
        results
            .best(domain, method)
            .map(ParityPart::rate)
            .filter(r -> r.equals(rates.getFirst()) || r.equals(rates.getLast()))
            .ifPresent(
                r ->
                    edges.add(
                        "%s, %s (%s)"
                            .formatted(domain.name(), method.label(), ParityMethod.written(r))));
      }
    }
    return edges.isEmpty()
        ? ""
        : "- The best rate is at the edge of the three, so a better one may lie beyond it: "
            + String.join("; ", edges)
            + ".\n";
  }

  private void missing() {
    List<ParityPart> missing = results.missing();
    if (missing.isEmpty()) {
      return;
    }
    page.append("\n## Not done yet\n\n");
    for (ParityDomain domain : ParityDomain.ALL) {
      List<ParityPart> of = missing.stream().filter(p -> p.domain().equals(domain)).toList();
      if (!of.isEmpty()) {
        page.append(
            "- %s: %s, %s\n".formatted(domain.name(), Count.of(of.size(), "part"), kinds(of)));
      }
    }
  }

  /// How many of each kind, in the order of the kinds, which is that of the parts.
  private static String kinds(List<ParityPart> parts) {
    Map<ParityPart.Kind, Long> counts =
        parts.stream()
            .collect(Collectors.groupingBy(ParityPart::kind, TreeMap::new, Collectors.counting()));
    List<String> all = new ArrayList<>();
    counts.forEach((kind, count) -> all.add(count + " " + kind.name().toLowerCase(Locale.ROOT)));
    return String.join(", ", all);
  }

  private void section(String title, String text) {
    if (!text.isEmpty()) {
      page.append("## ").append(title).append("\n\n").append(text).append('\n');
    }
  }

  private void line(String text) {
    page.append(text).append('\n');
  }
}
