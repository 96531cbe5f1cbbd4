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

      - One task of each [pack](../reference/evaluation.md#packs), its prompt to the letter in training. Rows are chosen by a hash of their `id`; prompts that are too long or
        stand among the documents are left out. LegalBench has 88 test rows, so its rows are divided anew; rows that share a text of more than 80 characters stay on one side.
        All methods see the same rows, in the order of their seed, in the same number of steps.
      - SmolLM2-135M-Instruct was read from a file in four bits (GGUF Q4_1) and is held in bf16: all methods begin at weights that were rounded once, and QLoRA rounds them again.
      - LoRA and QLoRA: rank 16, alpha 32, all linear layers; QLoRA on NF4 with double quantisation. Full: all weights, bf16 with fp32 masters. Else the defaults of
        `nudge train`: AdamW, linear, warm-up 0.03, no decay, no dropout. A run's last step counts; nothing is chosen by documents.
      - Each method has its best rate of four, half a decade apart. A pilot learns a tenth of the rows for twice the epochs, seed 0, so in a fifth of the steps of a run, and is judged on 64 other
        rows to learn from, three times; its lowest loss counts, also before its last step. Such pilots favour high rates a little. Full's rates lie between what recipes for large models take (2e-5)
        and the most that SmolLM2's own take for its small ones in batches of 128 (3e-4, 1e-3); LoRA's are ten times as high ("LoRA without regret"). Other shapes take LoRA's rate and alpha;
        DoRA, LoRA+, PiSSA and r 64 with rsLoRA have three rates of their own.
      - Epochs and warm-up of LoRA and of full are found alike, at their best rate: 3 epochs and 0.03, a third of the epochs, twice the epochs, or a warm-up of 0.1, on all rows, seed 0, judged after the last
        step on 64 rows that nothing learns from. Finance finds them for support too, medical for legal, which has no row left; all adapters take those of LoRA.
      - LoRA and full have six seeds, all else three. **Two rounds**: the first (2026-11-28 to 29, Zen 4) had three rates, three seeds and fixed epochs, and its best rates lay at the edge; the plan of the second
        was written before any of its results: first the fourth rates, then epochs and warm-up, then LoRA and full, where the first round could not tell before where it could, then QLoRA, shapes and variants.
        A run of the first round counts on where its settings are still the best, else it is done anew. Processors agree in rounding only, so a run is not equal to the bit on another one; methods are compared
        seed by seed, and each file names its processor.
      - A document's score is its mean over the seeds. Intervals of 95 %% hold for other documents and other seeds: the variance of 10,000 paired resamples of the documents, and that of the mean of the
        differences by seed, with Student's t and the degrees of freedom of Welch and Satterthwaite. Over all domains each counts alike. Legal documents are drawn by the kind of their
        question, as [the pack](../reference/evaluation.md#packs) has it. Where no document tells two methods apart the interval is Tango's for so many documents, not 0. Of the 24 instructions
        intervals are rough.
      - "Full is better" is an interval below 0. "Within %s points" is one-sided at 95 %%: *shown* where the bound of the loss is less, *shown not* where the
        other bound is more, else *cannot tell*. "Could be seen" is the smallest difference from 0 that shows four times of five with such errors and degrees of freedom, roughly; where it is more than the margin,
        methods that are equal are mostly told "cannot tell".
      - Greedy answers that are nearly ties may change with the order of sums, which commits between the parts did change; likelihoods then differ in their last digits.
      - The second round may take eight hours of two cores, counted in processor time: the command stops before a part that would take more.
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
    section("What was found", new ParityFindings(results).all());
    section("Scores", tables.scores());
    section("What is kept", new ParityRetention(results).table());
    section("Rank and layers", tables.side());
    section("Rates", tables.rates());
    section("Epochs and warm-up", tables.loops());
    section("What a run takes", tables.costs());
    page.append(String.format(Locale.ROOT, HOW, ParityText.margin()));
    missing();
    String advice = new ParityAdvice(results).all();
    page.append(advice.isEmpty() ? "" : "\n## What to do\n\n" + advice);
    return page.toString();
  }

  private void state() {
    int all = ParityPart.all().size();
    int done = all - results.missing().size();
    line(
        String.format(
            Locale.ROOT,
            "Parts done: %d of %d, the first round in %.2f hours, the second so far in %.2f (at"
                + " most %.0f).%s",
            done,
            all,
            results.seconds(false) / 3600,
            results.seconds(true) / 3600,
            ParityBudget.EIGHT_HOURS / 3600,
            done < all
                ? " **The study is not finished**: see [what is missing](#not-done-yet)."
                : ""));
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
