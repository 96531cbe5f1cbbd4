package dev.nudge.bench;

import dev.nudge.settings.Count;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableSet;
import java.util.TreeSet;
import java.util.stream.Collectors;

/// Writes `docs/log/parity.md` from the files of the study alone; every sentence that says what was
/// found is made of numbers.
final class ParityPage {
  private static final String HEAD =
      """
      # LoRA, QLoRA and full fine-tuning on the same rows

      `bench/parity` writes this page from the [files of its parts](parity/README.md); it is not edited by hand.

          bench/parity [--only DOMAIN|METHOD|KIND|PART,…] [--minutes 600] [--model DIR] [--data DIR] [--work DIR] [--results docs/log/parity]
                       [--report no|only]

      """;

  private static final String HOW =
      """
      ## How

      - **Tasks**: one of each [pack](../reference/evaluation.md#packs), with the task's prompt in training to the letter. Rows are chosen by a hash of their `id`. Rows with long prompts, and rows
        that are test examples too, are left out. LegalBench has 88 test rows, so its rows are divided anew; rows that share a text of more than 80 characters stay on one side.
        All methods see the same rows in the order of their seed.
      - **Base**: SmolLM2-135M-Instruct, read from a GGUF file in Q4_1 and held in bf16. So all methods begin at weights that were rounded to four bits once, and QLoRA rounds them a second time;
        QLoRA − LoRA may be another on a base that was never rounded.
      - **Methods**: LoRA and QLoRA have rank 16 and alpha 32 on all linear layers; QLoRA is NF4 with double quantisation; full trains all weights in bf16 with fp32 masters. AdamW, linear schedule,
        no weight decay, no dropout. The adapter after the last step is evaluated.
      - **Learning rates**: LoRA, QLoRA and full each have four to try, half a decade apart; DoRA, LoRA+, PiSSA and r 64 with rsLoRA three; r 8, r 64 and attention only take LoRA's. A pilot trains on a
        tenth of the rows for twice the epochs (a fifth of a run's steps), seed 0, and measures the loss on 64 held-out training rows three times. The lowest of the three losses chooses the rate, so
        pilots favour high rates. Full's rates lie between recipes for large models (2e-5) and those of SmolLM2's authors for their small ones (3e-4, 1e-3); LoRA's are ten times as high
        ("LoRA without regret"). PiSSA is `--init pissa-niter-16`.
      - **Epochs and warm-up**: chosen for LoRA and for full at their best rate, on all rows, seed 0, by the loss after the last step on 64 rows that no run trains on. 3 epochs and a warm-up of 0.03
        stay unless another choice is shown to be better. Support takes those of finance; legal, which has no spare rows, takes those of medical; all adapters take LoRA's. That another
        choice must be shown to be better was decided after the first six losses in finance and before any run of the second round: 6 epochs were a little better for LoRA, but would have doubled
        the time of all adapters in finance and support.
      - **Seeds**: 0 to 5 for LoRA and full, 0 to 2 for QLoRA and the other shapes, 3 to 5 for the variants, if all parts are done. The learning rates were chosen with seed 0.
      - **Two rounds**: the first (2026-11-28 to 29) had three rates, three seeds and fixed epochs, and 8 of its 12 best rates were at the edge. The second was planned after the first was seen and before
        any result of its own. A run of the first round counts if its settings are still the best, else it is repeated. The first round computed with AVX-512 bf16,
        the second in fp32 on processors that lack it. LoRA − full and the variants − LoRA pair runs of one precision, but a pilot of the highest rate has its neighbours in the other. Commits between
        the parts changed the order of sums. Each part's file names its processor and commit.
      - **Intervals**: an example's score is its mean over the seeds. The variance is that of 10,000 paired resamples of the examples plus that of the mean of the differences by seed, with Student's t
        and the degrees of freedom of Welch and Satterthwaite. In a mean over domains each domain counts alike, and the mean speaks of these domains alone. Legal examples are resampled by the kind
        of their question. Differences by seed contain a share of the examples' variance, so errors are too large, by at most √2; with two seeds an interval may cover 91 % and not 95 % (simulated). With one seed it
        is for other examples alone, and too narrow for other seeds.
      - **Time**: the second round may take eight hours of two cores, counted in processor time; the command stops before a part that would take more.
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
    String advice = new ParityAdvice(results).all();
    state();
    section("What to do", advice);
    ParityTables tables = new ParityTables(results);
    section("Differences", new ParityComparisons(results).table());
    section("Accuracy", tables.accuracy());
    section("What is kept", new ParityRetention(results).table());
    section("Learning rates", tables.rates());
    section("Epochs and warm-up", tables.loops());
    section("What a run takes", tables.costs());
    page.append(HOW);
    missing();
    return page.toString();
  }

  private void state() {
    int all = ParityPart.all().size();
    List<ParityPart> missing = results.missing();
    int done = all - missing.size();
    line(
        String.format(
            Locale.ROOT,
            "Parts done: %d of %d; hours of the first round: %.2f; hours of the second so far: %.2f"
                + " (at most %.0f).%s",
            done,
            all,
            results.seconds(false) / 3600,
            results.seconds(true) / 3600,
            ParityBudget.EIGHT_HOURS / 3600,
            missing.isEmpty()
                ? ""
                : new ParityBudget(results, 0, ParityBudget.EIGHT_HOURS).exceeds(missing.getFirst())
                    ? " **The study ended with its hours**: see [what was not done](#not-done)."
                    : " **The study is not finished**: see [what is missing](#not-done)."));
    if (done > 0) {
      line("%s; %s; %s; %s.\n".formatted(seen("model"), seen("machine"), commits(), dates()));
    } else {
      line("");
    }
  }

  /// The values of a key over all files.
  private String seen(String key) {
    return String.join(", ", values(key));
  }

  private String commits() {
    NavigableSet<String> commits = values("commit");
    return commits.size() == 1
        ? "commit " + commits.first()
        : commits.size() + " commits, each named in its part's file";
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

  private void missing() {
    List<ParityPart> missing = results.missing();
    if (missing.isEmpty()) {
      return;
    }
    page.append("\n## Not done\n\n");
    String old =
        missing.stream()
            .filter(results::has)
            .map(ParityPart::name)
            .collect(Collectors.joining(", "));
    if (!old.isEmpty()) {
      line("- To be repeated, with what is chosen or measured now: " + old);
    }
    for (ParityDomain domain : ParityDomain.ALL) {
      List<ParityPart> of = missing.stream().filter(p -> p.domain().equals(domain)).toList();
      if (!of.isEmpty()) {
        page.append(
            "- %s: %s: %s\n".formatted(domain.name(), Count.of(of.size(), "part"), methods(of)));
      }
    }
  }

  /// How many of each method, trials apart, in the order of the parts.
  private static String methods(List<ParityPart> parts) {
    Map<String, Long> counts =
        parts.stream()
            .collect(
                Collectors.groupingBy(
                    p -> p.method().brief() + (p.isTrial() ? " trials" : ""),
                    LinkedHashMap::new,
                    Collectors.counting()));
    return counts.entrySet().stream()
        .map(method -> method.getKey() + " " + method.getValue())
        .collect(Collectors.joining(", "));
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
