package dev.nudge.eval.report;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.eval.gate.Gate;
import dev.nudge.eval.gate.GateResult;
import dev.nudge.eval.gate.MadeOutcomes;
import dev.nudge.eval.gate.Policy;
import dev.nudge.eval.gate.PolicyFile;
import dev.nudge.eval.leak.Item;
import dev.nudge.eval.leak.LeakReport;
import dev.nudge.eval.leak.LeakScans;
import dev.nudge.eval.metric.ExactMatch;
import dev.nudge.eval.run.Aggregation;
import dev.nudge.eval.run.Difference;
import dev.nudge.eval.run.GroupScores;
import dev.nudge.eval.run.Metric;
import dev.nudge.eval.run.MetricItem;
import dev.nudge.eval.run.ModelResults;
import dev.nudge.eval.run.Outcome;
import dev.nudge.eval.run.TaskScores;
import dev.nudge.eval.run.TaskScores.Score;
import dev.nudge.eval.run.Units;
import dev.nudge.eval.task.Sample;
import dev.nudge.eval.task.TaskGroup;
import dev.nudge.format.Json;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;
import tools.jackson.databind.JsonNode;

/// Draw reports of made outcomes.
class ReportTest {
  private static final Instant AT = Instant.parse("2026-01-02T03:04:05Z");
  private static final Path GOLDEN = Path.of("src/test/resources/golden/eval-report");
  private static final String HOSTILE =
      "</pre></details><script>alert('x')</script>\"><img src=x onerror=alert(1)> &lt;b&gt; ]]>"
          + " <!-- \u0000\u0008\u0085\ud800 \u202eturned ``` ~~~\n"
          + "# head | \\| cell [a](http://e.org) ![p](http://e.org/p.png) @all";

  @TempDir Path folder;

  private static Element parse(String html) throws Exception {
    assertThat(html).startsWith("<!DOCTYPE html>\n");
    return DocumentBuilderFactory.newInstance()
        .newDocumentBuilder()
        .parse(new InputSource(new StringReader(html)))
        .getDocumentElement();
  }

  private static String html(ReportData data) {
    return HtmlReport.of(ReportView.of(data));
  }

  private static String markdown(ReportData data) {
    return MarkdownReport.of(ReportView.of(data));
  }

  private static List<Element> all(Element root, String name) {
    NodeList found = root.getElementsByTagName(name);
    return IntStream.range(0, found.getLength()).mapToObj(i -> (Element) found.item(i)).toList();
  }

  private static Element part(Element root, String id) {
    return all(root, "*").stream()
        .filter(e -> e.getAttribute("id").equals(id))
        .findFirst()
        .orElseThrow();
  }

  private static List<List<String>> rows(Element part) {
    List<List<String>> rows = new ArrayList<>();
    for (Element row : all(part, "tr")) {
      List<String> cells = new ArrayList<>();
      NodeList children = row.getChildNodes();
      for (int i = 0; i < children.getLength(); i++) {
        if (children.item(i) instanceof Element cell) {
          cells.add(cell.getTextContent());
        }
      }
      rows.add(cells);
    }
    return rows;
  }

  private ReportData whole() throws Exception {
    Outcome outcome =
        new MadeOutcomes(folder)
            .choices("clauses", 40, i -> i < 10, i -> i >= 2 && i < 34, "does the clause hold")
            .texts(
                "answers",
                24,
                MadeOutcomes.mean("rougeL", true),
                i -> (i % 4) / 10.0,
                i -> i == 3 ? 0 : (i % 4) / 10.0 + (i % 3) / 20.0,
                "How is the router reset?",
                "Hold the button.\nThen wait.")
            .outcome();
    Policy policy =
        PolicyFile.parse(
            "policy.yaml",
            """
            improve: {task: clauses, metric: acc, by: 0.1}
            retain: {task: answers, metric: rougeL, margin: 0.02}
            leakage: {task: clauses, at_most: 0.01}
            """);
    Map<String, LeakReport> leaks = Map.of("clauses", leaks(40, List.of(3, 5, 7)));
    GateResult gate =
        Gate.judge(
            policy,
            new Gate.Evidence(outcome, leaks, null),
            MadeOutcomes.digests(outcome, policy),
            AT);
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("model", "models/small");
    settings.put("limit", "all");
    return ReportData.of("models/small", outcome, AT)
        .withLeaks(leaks)
        .withSettings(settings)
        .withGate(gate);
  }

  private static LeakReport leaks(int items, List<Integer> found) {
    List<Item> all =
        IntStream.range(0, items).mapToObj(i -> new Item("" + i, "the item " + i)).toList();
    return LeakScans.of(found.stream().map(i -> "the item " + i).toList(), all);
  }

  @Test
  void theTableHasBeforeAfterDifferenceAndWhatIsShown() throws Exception {
    List<List<String>> rows = rows(part(parse(html(whole())), "results"));
    assertThat(rows.getFirst())
        .containsExactly(
            "Task",
            "Metric",
            "n",
            "Before",
            "After",
            "Difference",
            "Interval",
            "p",
            "p by Holm",
            "Fixed / broken",
            "Shown");
    // 10 of 40 before, 32 after; 24 fixed, 2 broken
    List<String> acc = rows.get(1);
    assertThat(acc.subList(0, 6))
        .containsExactly("clauses", "acc", "40", "0.2500", "0.8000", "+0.5500");
    assertThat(acc.get(7)).isEqualTo("< 0.0001");
    assertThat(acc.get(9)).isEqualTo("24 / 2");
    assertThat(acc.get(10)).isEqualTo("▲ better");
    assertThat(rows.get(2).get(1)).isEqualTo("brier_score\nless is better");
  }

  @Test
  void aDifferenceIsCalledShownOnlyWhereIntervalAndPSaySo() throws Exception {
    // 5 to 0 of 50: the score interval lies above 0, McNemar's exact p is 0.0625
    Outcome outcome =
        new MadeOutcomes(folder).choices("few", 50, i -> i >= 5, i -> true, "q").outcome();
    ReportView view = ReportView.of(ReportData.of("m", outcome, AT));
    ResultRow row = view.pairs().getFirst().rows().getFirst();
    assertThat(row.low()).isGreaterThan(0);
    assertThat(row.p()).isCloseTo(0.0625, within(1e-9));
    assertThat(row.meaning()).isEqualTo(ResultRow.Meaning.OPEN);
  }

  @Test
  void flipsAreFoundWithPromptTargetAndAnswers() throws Exception {
    ReportView view = ReportView.of(whole());
    Flip.Flips flips = view.pairs().getFirst().tasks().getFirst().flips();
    assertThat(flips.counted()).isTrue();
    assertThat(flips.better()).extracting(Flip::id).containsExactlyElementsOf(range(10, 34));
    assertThat(flips.worse()).extracting(Flip::id).containsExactly(0, 1);
    Flip first = flips.better().getFirst();
    assertThat(first.prompt()).isEqualTo("10 does the clause hold?");
    assertThat(first.target()).isEqualTo("yes");
    assertThat(first.saidBefore()).isEqualTo("no");
    assertThat(first.saidAfter()).isEqualTo("yes");
    assertThat(first.choices().getFirst().after()).isCloseTo(0.9, within(1e-9));
    // of scores between, those that changed most come first
    Flip.Flips texts = view.pairs().getFirst().tasks().get(1).flips();
    assertThat(texts.counted()).isFalse();
    assertThat(texts.worse()).extracting(Flip::id).containsExactly(3);
    assertThat(texts.better().getFirst().second() - texts.better().getFirst().first())
        .isCloseTo(0.1, within(1e-9));
  }

  private static List<Integer> range(int from, int to) {
    return IntStream.range(from, to).boxed().toList();
  }

  @Test
  void atMostTwentyFlipsOfAKindAreShownAndThatIsSaid() throws Exception {
    Element tasks = part(parse(html(whole())), "tasks-0");
    List<String> summaries = all(tasks, "summary").stream().map(Element::getTextContent).toList();
    assertThat(summaries)
        .contains(
            "Fixed: 24 documents, the first 20 shown; all are in samples_clauses.jsonl",
            "Broken: 2 documents");
    long shown = summaries.stream().filter(s -> s.startsWith("Document ")).count();
    assertThat(shown).isEqualTo(20 + 2 + 16 + 1);
  }

  @Test
  void subgroupsAndCleanDocumentsHaveNumbersOfTheirOwn() throws Exception {
    ReportView.TaskView task = ReportView.of(whole()).pairs().getFirst().tasks().getFirst();
    assertThat(task.subgroups()).containsOnlyKeys("field"); // named by the task file
    Subgroup even = requireNonNull(task.subgroups().get("field")).getFirst();
    assertThat(even.name()).isEqualTo("even");
    assertThat(even.documents()).isEqualTo(20);
    assertThat(even.before()).isEqualTo(0.25);
    assertThat(even.after()).isEqualTo(0.8);
    List<Subgroup> slices = requireNonNull(task.leaks()).slices();
    assertThat(slices).extracting(Subgroup::documents).containsExactly(40, 37, 3);
    assertThat(slices.get(1).before()).isCloseTo(7 / 37.0, within(1e-12));
    assertThat(slices.get(2).before()).isEqualTo(1);
  }

  @Test
  void aColumnThatIsNamedSplitsDocumentsAndOneThatIsNotThereDoesNot() throws Exception {
    Outcome outcome =
        new MadeOutcomes(folder)
            .by("label, nowhere, question")
            .choices("clauses", 40, i -> i < 10, i -> i < 34, "does the clause hold")
            .outcome();
    ReportView view = ReportView.of(ReportData.of("m", outcome, AT));
    ReportView.TaskView task = view.pairs().getFirst().tasks().getFirst();
    assertThat(task.subgroups()).containsOnlyKeys("label", "question");
    assertThat(task.subgroups().get("question")).hasSize(ReportView.MOST_GROUPS);
    assertThat(task.left()).containsEntry("question", 20).containsEntry("label", 0);
    assertThat(HtmlReport.of(view)).contains("Subgroups by question; 20 more values are not shown");
  }

  @Test
  void reliabilityIsThatOfTheChoices() throws Exception {
    ReportView.TaskView task = ReportView.of(whole()).pairs().getFirst().tasks().getFirst();
    // always 0.7 sure and right on 10 of 40; then 0.9 sure and right on 32 of 40
    assertThat(requireNonNull(task.before()).ece()).isCloseTo(0.45, within(1e-9));
    assertThat(requireNonNull(task.after()).ece()).isCloseTo(0.1, within(1e-9));
    assertThat(ReportView.of(whole()).pairs().getFirst().tasks().get(1).after()).isNull();
  }

  @Test
  void noTextBecomesMarkup() throws Exception {
    Outcome outcome =
        new MadeOutcomes(folder)
            .by("question")
            .choices("c", 4, i -> false, i -> true, HOSTILE.replace("{", ""))
            .texts(
                "t",
                4,
                MadeOutcomes.mean("exact_match", true),
                i -> i % 2,
                i -> 1,
                HOSTILE,
                HOSTILE)
            .outcome();
    ReportData data = ReportData.of(HOSTILE, outcome, AT).withSettings(Map.of(HOSTILE, HOSTILE));
    Element root = parse(html(data));
    Set<String> names = new TreeSet<>();
    for (Element element : all(root, "*")) {
      names.add(element.getTagName());
      for (int i = 0; i < element.getAttributes().getLength(); i++) {
        String attribute = element.getAttributes().item(i).getNodeName();
        assertThat(attribute).doesNotStartWith("on").isNotEqualTo("src");
        if (attribute.equals("href")) {
          assertThat(element.getAttribute("href")).startsWith("#");
        }
      }
    }
    assertThat(names).doesNotContain("script", "img", "iframe", "link", "object", "form");
    String readable = HOSTILE.replaceAll("[\u0000\u0008\u0085\ud800]", "\ufffd");
    assertThat(all(root, "pre")).extracting(Element::getTextContent).contains(readable);
    assertThat(all(root, "title").getFirst().getTextContent())
        .isEqualTo("Evaluation of " + readable);
  }

  @Test
  void nothingIsAskedForFromElsewhere() throws Exception {
    String html = html(whole());
    assertThat(html).doesNotContain("http:", "https:", "url(", "@import", "<script", "src=");
    assertThat(html)
        .contains(
            "http-equiv=\"Content-Security-Policy\" content=\"default-src &#39;none&#39;; style-src"
                + " &#39;unsafe-inline&#39;\"");
  }

  @Test
  void linksLeadToPartsThatAreThereAndRegionsThatScrollTakeTheKeyboard() throws Exception {
    Element root = parse(html(whole()));
    List<String> ids =
        all(root, "*").stream().map(e -> e.getAttribute("id")).filter(id -> !id.isEmpty()).toList();
    assertThat(ids).doesNotHaveDuplicates();
    assertThat(all(root, "a")).hasSizeGreaterThan(4);
    all(root, "a").forEach(a -> assertThat(ids).contains(a.getAttribute("href").substring(1)));
    all(root, "div").stream()
        .filter(div -> div.getAttribute("class").equals("wide"))
        .forEach(
            div -> {
              assertThat(div.getAttribute("tabindex")).isEqualTo("0");
              assertThat(div.getAttribute("aria-label")).isNotEmpty();
            });
    all(root, "svg").forEach(svg -> assertThat(svg.getAttribute("aria-label")).isNotEmpty());
    assertThat(all(root, "svg")).hasSize(3);
  }

  @Test
  void numbersThatAreNoneAreDashes() throws Exception {
    Outcome outcome =
        new MadeOutcomes(folder)
            .texts("t", 5, MadeOutcomes.mean("rougeL", true), i -> 0.5, i -> Double.NaN, "q", "a")
            .outcome();
    String html = html(ReportData.of("m", outcome, AT));
    List<String> row = rows(part(parse(html), "results")).get(1);
    assertThat(row)
        .containsExactly("t", "rougeL", "5", "0.5000", "–", "–", "–", "–", "–", "–", "• not shown");
    assertThat(all(parse(html), "svg")).isEmpty();
    assertThat(html).doesNotContain("NaN", "Infinity");
    assertThat(markdown(ReportData.of("m", outcome, AT))).doesNotContain("NaN", "Infinity");
  }

  @Test
  void anEvaluationOfNothingIsAReportToo() throws Exception {
    Outcome nothing =
        new Outcome(List.of(new ModelResults("base", null, Map.of(), Map.of())), Map.of(), 0, 0, 0);
    Element root = parse(html(ReportData.of("m", nothing, AT)));
    assertThat(part(root, "tasks-0").getTextContent()).contains("No task was evaluated.");
    assertThat(markdown(ReportData.of("m", nothing, AT))).contains("## Results");
  }

  @Test
  void aModelAloneHasItsNumbersWithIntervals() throws Exception {
    Outcome base =
        new MadeOutcomes(folder).choices("clauses", 40, i -> i < 30, i -> true, "q").base();
    Element root = parse(html(ReportData.of("m", base, AT)));
    assertThat(rows(part(root, "results")).get(1))
        .containsExactly("clauses", "acc", "40", "0.7500", "0.5981 to 0.8581");
    assertThat(markdown(ReportData.of("m", base, AT)))
        .contains("| `clauses` | `acc` | 40 | 0.7500 | 0.5981 to 0.8581 |");
  }

  @Test
  void eachModelStandsBesideTheOneBeforeIt() throws Exception {
    Outcome two =
        new MadeOutcomes(folder).choices("clauses", 40, i -> i < 10, i -> i < 30, "q").outcome();
    ModelResults base = two.models().getFirst();
    ModelResults third = new ModelResults("compare", "runs/two", base.tasks(), Map.of());
    Outcome three =
        new Outcome(List.of(base, two.models().get(1), third), two.differences(), 3, 3, 1);
    ReportData data = ReportData.of("m", three, AT);
    ReportView view = ReportView.of(data);
    assertThat(view.pairs())
        .extracting(HtmlReport::title)
        .containsExactly("base → adapter", "adapter → compare");
    assertThat(view.pairs().get(1).tasks().getFirst().flips().worse()).hasSize(20);
    ResultRow unknown = view.pairs().get(1).rows().getFirst(); // no difference was told
    assertThat(unknown.value()).isEqualTo(-0.5);
    assertThat(unknown.p()).isNaN();
    assertThat(unknown.meaning()).isEqualTo(ResultRow.Meaning.OPEN);
    Element root = parse(html(data));
    assertThat(part(root, "tasks-1").getTextContent()).contains("Tasks: adapter → compare");
    assertThat(markdown(data)).contains("### base → adapter", "### adapter → compare");
  }

  @Test
  void gainsOfAnySizeAreDrawnWithinThePlot() throws Exception {
    for (double size : new double[] {1e-9, 0.003, 0.07, 1, 4e3, 3e10}) {
      Metric metric =
          new Metric("word_perplexity", Aggregation.Kind.BYPASS, false, ExactMatch.Options.NONE);
      ResultRow row =
          new ResultRow(
              "t", metric, "none", 9, 0, size, size, -size / 2, 2 * size, 1, 1, false, 0, 0, 0);
      Markup markup = new Markup();
      ForestSvg.of(markup, List.of(row), "plot");
      Element svg = parse("<!DOCTYPE html>\n" + markup.all());
      assertThat(all(svg, "line")).hasSizeBetween(4, 13);
      for (Element line : all(svg, "line")) {
        assertThat(Double.parseDouble(line.getAttribute("x1"))).isBetween(259.9, 670.1);
        assertThat(Double.parseDouble(line.getAttribute("x2"))).isBetween(259.9, 670.1);
      }
      all(svg, "text").stream()
          .filter(text -> text.getAttribute("text-anchor").equals("middle"))
          .forEach(text -> assertThat(text.getTextContent()).hasSizeLessThan(8));
    }
  }

  @Test
  void groupsHaveTheirNumbers() throws Exception {
    Outcome outcome =
        new MadeOutcomes(folder).choices("clauses", 40, i -> i < 10, i -> i < 30, "q").outcome();
    TaskGroup group =
        new TaskGroup("law|<b>", "law", List.of("clauses"), List.of("clauses"), null, null);
    List<ModelResults> models = new ArrayList<>();
    for (ModelResults model : outcome.models()) {
      double value = model.adapter() == null ? 0.25 : 0.75;
      GroupScores scores =
          new GroupScores(
              group,
              40,
              Map.of("acc,none", new GroupScores.Score(value, Double.NaN, 40, true, Map.of())));
      models.add(
          new ModelResults(
              model.name(), model.adapter(), model.tasks(), Map.of(group.name(), scores)));
    }
    Outcome two = new Outcome(models, outcome.differences(), 1, 1, 1);
    Element results = part(parse(html(ReportData.of("m", two, AT))), "results");
    assertThat(rows(results))
        .contains(List.of("law|<b>", "acc", "40", "0.2500", "0.7500", "+0.5000", "–", "–"));
    assertThat(markdown(ReportData.of("m", two, AT)))
        .contains("| `law\\|<b>` | `acc` | 40 | 0.2500 | 0.7500 | +0.5000 | – | – |");
    Outcome one = new Outcome(models.subList(0, 1), Map.of(), 1, 1, 1);
    assertThat(markdown(ReportData.of("m", one, AT)))
        .contains("| `law\\|<b>` | `acc` | 40 | 0.2500 |");
  }

  @Test
  void groupsHaveTheirDifferencesWithIntervals() throws Exception {
    Outcome outcome =
        new MadeOutcomes(folder)
            .choices("clauses", 40, i -> i < 10, i -> i < 30, "q")
            .choices("terms", 40, i -> i < 20, i -> i < 30, "q")
            .outcome();
    List<String> tasks = List.of("clauses", "terms");
    List<TaskGroup.Aggregate> means = List.of(new TaskGroup.Aggregate("acc", null, true));
    TaskGroup group = new TaskGroup("law", "law", tasks, tasks, means, null);
    List<ModelResults> models = new ArrayList<>();
    for (ModelResults model : outcome.models()) {
      GroupScores scores = MadeOutcomes.group(group, model.tasks());
      models.add(
          new ModelResults(model.name(), model.adapter(), model.tasks(), Map.of("law", scores)));
    }
    Map<String, List<Difference>> all = Difference.between(models.getFirst(), models.get(1));
    Outcome two = new Outcome(models, Map.of("adapter", all), 1, 1, 1);
    Difference law = requireNonNull(all.get("law")).getFirst();
    String interval = Shown.interval(law.low(), law.high());
    assertThat(interval).isNotEqualTo(Shown.NONE);
    assertThat(rows(part(parse(html(ReportData.of("m", two, AT))), "results")))
        .contains(
            List.of("law", "acc", "80", "0.3750", "0.7500", "+0.3750", interval, Shown.p(law.p())));
    assertThat(markdown(ReportData.of("m", two, AT)))
        .contains("| `law` | `acc` | 80 | 0.3750 | 0.7500 | +0.3750 | " + interval + " | ");
  }

  private static Metric metric(String name, Aggregation.Kind kind) {
    return new Metric(name, kind, true, ExactMatch.Options.NONE);
  }

  private static String axis(String name, Aggregation.Kind kind) {
    return new ResultRow("t", metric(name, kind), "none", 9, 0, 0, 0, 0, 0, 1, 1, false, 0, 0, 0)
        .axis();
  }

  @Test
  void scoresFromZeroToOneShareAnAxisAndOthersHaveTheirOwn() {
    for (String name : List.of("acc", "exact_match", "rougeL", "tatqa_f1", "squad_f1")) {
      assertThat(axis(name, Aggregation.Kind.MEAN)).isEmpty();
    }
    assertThat(axis("rougeL", Aggregation.Kind.MEDIAN)).isEmpty();
    assertThat(axis("macro_f1", Aggregation.Kind.MACRO_F1)).isEmpty();
    assertThat(axis("inst_level_strict_acc", Aggregation.Kind.SHARE)).isEmpty();
    assertThat(axis("mcc", Aggregation.Kind.MCC)).isEqualTo("mcc");
    assertThat(axis("mcc", Aggregation.Kind.MACRO_F1)).isEmpty();
    assertThat(axis("brier_score", Aggregation.Kind.BRIER)).isEqualTo("brier_score");
    assertThat(axis("perplexity", Aggregation.Kind.PERPLEXITY)).isEqualTo("perplexity");
    assertThat(axis("perplexity", Aggregation.Kind.MEAN)).isEqualTo("perplexity (mean)");
    assertThat(axis("acc", Aggregation.Kind.PERPLEXITY)).isEqualTo("acc (perplexity)");
    assertThat(axis("kl_from_base", Aggregation.Kind.SHARE)).isEqualTo("kl_from_base");
    assertThat(axis("bleu", Aggregation.Kind.BLEU)).isEqualTo("bleu");
  }

  @Test
  void aSliceWithinOneClusterIsResampledByItsDocuments() {
    List<MetricItem> before = new ArrayList<>();
    List<MetricItem> after = new ArrayList<>();
    for (int i = 0; i < 90; i++) {
      before.add(new MetricItem.Value(0.1 + (i % 4) / 10.0));
      after.add(new MetricItem.Value(0.3 + (i % 3) / 10.0));
    }
    Metric rouge = metric("rougeL", Aggregation.Kind.MEAN);
    Units units = Units.of(IntStream.range(0, 90).map(i -> i / 30).boxed().toList());
    Score first = new Score(rouge, "none", 0.25, Double.NaN, before, units);
    Score second = new Score(rouge, "none", 0.4, Double.NaN, after, units);
    Subgroup one = Subgroup.of("one", first, second, range(30, 60));
    Subgroup alone =
        Subgroup.of(
            "one",
            new Score(rouge, "none", 0.25, Double.NaN, before.subList(30, 60)),
            new Score(rouge, "none", 0.4, Double.NaN, after.subList(30, 60)),
            range(0, 30));
    assertThat(one.ofOne()).isTrue();
    assertThat(one.low()).isEqualTo(alone.low()).isLessThan(one.after() - one.before());
    assertThat(one.high()).isEqualTo(alone.high()).isGreaterThan(one.after() - one.before());
    Subgroup two = Subgroup.of("two", first, second, range(0, 60)); // two clusters show nothing
    assertThat(two.low()).isNaN();
    assertThat(Subgroup.intervals(List.of(two, alone))).isEqualTo("intervals at 95 %");
    assertThat(Subgroup.intervals(List.of(two, one)))
        .isEqualTo("intervals at 95 %, of a row within one cluster over its documents");
  }

  /// An outcome with one of its tasks under another name.
  private static Outcome renamed(Outcome outcome, String from, String to) {
    List<ModelResults> models = new ArrayList<>();
    for (ModelResults model : outcome.models()) {
      TaskScores task = requireNonNull(model.tasks().get(from));
      models.add(new ModelResults(model.name(), model.adapter(), Map.of(to, task), Map.of()));
    }
    return new Outcome(models, Map.of(), 1, 1, 1);
  }

  @Test
  void theFileOfDocumentsIsNamedAsItIsWritten() throws Exception {
    Outcome outcome =
        new MadeOutcomes(folder).choices("c", 60, i -> false, i -> true, "q").outcome();
    String html = html(ReportData.of("m", renamed(outcome, "c", "a/b"), AT));
    assertThat(html).contains("the first 20 shown; all are in samples_a_b.jsonl");
  }

  /// A task's documents with another target.
  private static TaskScores withGold(TaskScores task, IntFunction<JsonNode> gold) {
    List<TaskScores.Scored> samples = new ArrayList<>();
    for (TaskScores.Scored one : task.samples()) {
      Sample was = one.sample();
      JsonNode node = gold.apply(was.id());
      Sample sample = new Sample(was.id(), was.doc(), node, node, was.choices(), was.requests());
      samples.add(
          new TaskScores.Scored(sample, one.filter(), one.answers(), one.filtered(), one.items()));
    }
    return new TaskScores(task.task(), task.metrics(), task.scores(), samples);
  }

  @Test
  void aTargetInAListIsRightAndOneBeyondAnyChoiceIsNone() throws Exception {
    Outcome outcome =
        new MadeOutcomes(folder).choices("c", 40, i -> i < 10, i -> i < 30, "q").outcome();
    TaskScores before = requireNonNull(outcome.models().getFirst().tasks().get("c"));
    TaskScores after = requireNonNull(outcome.main().tasks().get("c"));
    TaskScores listed = withGold(after, i -> Json.tree(List.of(i % 2)));
    assertThat(Reliability.of(listed)).isEqualTo(Reliability.of(after));
    Score first = requireNonNull(before.scores().get("acc,none"));
    Score second = requireNonNull(after.scores().get("acc,none"));
    assertThat(Flip.of(before, listed, first, second, true))
        .isEqualTo(Flip.of(before, after, first, second, true));
    TaskScores large = withGold(after, i -> Json.tree(i == 20 ? 1L << 40 : (long) (i % 2)));
    assertThat(requireNonNull(Reliability.of(large)).documents()).isEqualTo(39);
    List<Flip> better = Flip.of(before, large, first, second, true).better();
    Flip none = better.stream().filter(flip -> flip.id() == 20).findFirst().orElseThrow();
    assertThat(none.target()).isEqualTo("1099511627776");
    assertThat(none.choices()).extracting(Flip.Choice::right).containsExactly(false, false);
    TaskScores both = withGold(after, i -> Json.tree(List.of(0, 1)));
    assertThat(Reliability.of(both)).isNull(); // of several none is the one
    Flip several = Flip.of(before, both, first, second, true).better().getFirst();
    assertThat(several.choices()).extracting(Flip.Choice::right).containsExactly(true, true);
  }

  /// A report with all parts of this package; what a gate says is the gate's.
  private String everything() throws Exception {
    Outcome outcome =
        new MadeOutcomes(folder)
            .by("question")
            .choices("clauses", 1200, i -> i < 400, i -> i >= 2 && i < 900, "does the clause hold")
            .texts(
                "answers",
                30,
                MadeOutcomes.mean("rougeL", true),
                i -> (i % 4) / 10.0,
                i -> (i % 4) / 10.0 + (i % 3) / 20.0,
                "How is the router reset?",
                "Hold the button.")
            .outcome();
    ReportData data =
        ReportData.of("m", outcome, AT).withLeaks(Map.of("clauses", leaks(1200, List.of(3, 5, 7))));
    return html(data) + markdown(data);
  }

  @Test
  void aReportIsTheSameUnderAnyLocale() throws Exception {
    Locale own = Locale.getDefault();
    try {
      Locale.setDefault(Locale.ROOT);
      String root = everything();
      assertThat(root).contains("confidence 0.", "1,200 documents", "viewBox=\"0 0 900 ");
      Locale.setDefault(Locale.GERMANY);
      assertThat(String.format("%.1f", 0.5)).isEqualTo("0,5");
      assertThat(everything()).isEqualTo(root);
      Locale.setDefault(Locale.forLanguageTag("ar-EG-u-nu-arab"));
      assertThat(String.format("%d", 5)).isNotEqualTo("5");
      assertThat(everything()).isEqualTo(root);
    } finally {
      Locale.setDefault(own);
    }
  }

  @Test
  void inMarkdownTextsOfOthersAreCode() throws Exception {
    Outcome outcome =
        new MadeOutcomes(folder)
            .by("question")
            .texts(
                "t",
                4,
                MadeOutcomes.mean("exact_match", true),
                i -> i % 2,
                i -> 1,
                HOSTILE,
                HOSTILE)
            .outcome();
    String text =
        markdown(ReportData.of(HOSTILE, outcome, AT).withSettings(Map.of(HOSTILE, HOSTILE)));
    String outside = withoutCode(text);
    for (String sign : List.of("script", "<img", "e.org", "@all", "# head", "onerror", "](")) {
      assertThat(outside).doesNotContain(sign);
    }
    assertThat(text).contains("script", "e.org", "@all");
    for (String line : text.lines().filter(line -> line.startsWith("| `")).toList()) {
      assertThat(line.replaceAll("\\\\\\|", "").chars().filter(c -> c == '|').count())
          .as(line)
          .isIn(3L, 7L, 12L);
    }
  }

  /// A text without its code, by the rules of CommonMark: blocks first, then spans of a line.
  private static String withoutCode(String markdown) {
    StringBuilder outside = new StringBuilder();
    String fence = "";
    for (String line : markdown.split("\n", -1)) {
      String ticks = line.replaceAll("^(`*).*$", "$1");
      if (fence.isEmpty() && ticks.length() >= 3 && !line.substring(ticks.length()).contains("`")) {
        fence = ticks;
      } else if (!fence.isEmpty()) {
        fence = line.equals(ticks) && ticks.length() >= fence.length() ? "" : fence;
      } else {
        outside.append(line.replaceAll("(?<!`)(`+)(?!`).*?(?<!`)\\1(?!`)", "")).append('\n');
      }
    }
    assertThat(fence).isEmpty();
    return outside.toString();
  }

  @Test
  void bothFilesAreWrittenAndNothingElse() throws Exception {
    Path out = folder.resolve("out");
    ReportData data = whole();
    ReportFiles.write(out, data);
    try (var files = Files.list(out)) {
      assertThat(files.map(f -> f.getFileName().toString()))
          .containsExactlyInAnyOrder("report.html", "report.md");
    }
    assertThat(Files.readString(out.resolve("report.html"))).isEqualTo(html(data));
  }

  /// The golden was looked at in Chromium, light, dark and narrow. What it is now lies in
  /// `target/eval-report`; where that is to be the new one, it is looked at first.
  @Test
  void aSmallReportIsTheOneThatWasLookedAt() throws Exception {
    ReportData data = whole();
    ReportFiles.write(Path.of("target/eval-report"), data);
    assertThat(html(data)).isEqualTo(Files.readString(GOLDEN.resolve("report.html")));
    assertThat(markdown(data)).isEqualTo(Files.readString(GOLDEN.resolve("report.md")));
  }
}
