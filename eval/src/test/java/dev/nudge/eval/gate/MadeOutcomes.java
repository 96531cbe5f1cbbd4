package dev.nudge.eval.gate;

import static java.util.Objects.requireNonNull;

import dev.nudge.eval.Bootstrap;
import dev.nudge.eval.Interval;
import dev.nudge.eval.Paired;
import dev.nudge.eval.Resampled;
import dev.nudge.eval.metric.ExactMatch;
import dev.nudge.eval.run.Aggregation;
import dev.nudge.eval.run.Difference;
import dev.nudge.eval.run.Evaluation;
import dev.nudge.eval.run.GroupScores;
import dev.nudge.eval.run.Metric;
import dev.nudge.eval.run.MetricItem;
import dev.nudge.eval.run.ModelResults;
import dev.nudge.eval.run.Outcome;
import dev.nudge.eval.run.Pace;
import dev.nudge.eval.run.TaskScores;
import dev.nudge.eval.run.TaskScores.Score;
import dev.nudge.eval.run.TaskScores.Scored;
import dev.nudge.eval.task.PromptStyle;
import dev.nudge.eval.task.Sample;
import dev.nudge.eval.task.Task;
import dev.nudge.eval.task.TaskGroup;
import dev.nudge.eval.task.TaskIndex;
import dev.nudge.eval.task.TaskTree;
import dev.nudge.format.Json;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Makes outcomes of evaluations without a model: real task files over made documents, and answers
/// that are told.
public final class MadeOutcomes {
  private final Path folder;
  private final Map<String, TaskScores> before = new LinkedHashMap<>();
  private final Map<String, TaskScores> after = new LinkedHashMap<>();
  private String columns = "";

  public MadeOutcomes(Path folder) {
    this.folder = folder;
  }

  /// A metric of whole documents.
  public static Metric mean(String name, boolean higher) {
    return new Metric(name, Aggregation.Kind.MEAN, higher, ExactMatch.Options.NONE);
  }

  /// Slices the tasks that come by these columns, in place of `field` or none.
  public MadeOutcomes by(String names) {
    columns = names;
    return this;
  }

  /// Questions with two choices, of which documents at even places have the first as the right one;
  /// the column `field` is `odd` or `even`, `question` is what is told.
  public MadeOutcomes choices(
      String name, int n, IntPredicate rightBefore, IntPredicate rightAfter, String question)
      throws Exception {
    List<String> rows = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      Map<String, Object> row = new LinkedHashMap<>(); // in an order, for digests
      row.put("question", i + " " + question);
      row.put("label", i % 2);
      row.put("field", i % 2 == 0 ? "even" : "odd");
      row.put("choices", List.of("yes", "no"));
      rows.add(Json.line(row));
    }
    Task task =
        task(
            name,
            rows,
            """
            output_type: multiple_choice
            doc_to_text: "{{question}}?"
            doc_to_choice: choices
            doc_to_target: label
            metadata: {version: 1, subgroups: [%s]}
            """
                .formatted(columns.isEmpty() ? "field" : columns));
    before.put(name, chosen(task, rightBefore, 0.7));
    after.put(name, chosen(task, rightAfter, 0.9));
    return this;
  }

  private static TaskScores chosen(Task task, IntPredicate right, double chance) {
    Metric acc = mean("acc", true);
    Metric brier =
        new Metric("brier_score", Aggregation.Kind.BRIER, false, ExactMatch.Options.NONE);
    List<Scored> samples = new ArrayList<>();
    for (Sample sample : task.samples(null, PromptStyle.PLAIN)) {
      int gold = sample.gold().intValue();
      int chosen = right.test(sample.id()) ? gold : 1 - gold;
      List<Double> chances =
          List.of(chosen == 0 ? chance : 1 - chance, chosen == 0 ? 1 - chance : chance);
      List<JsonNode> answers = new ArrayList<>();
      for (double c : chances) {
        answers.add(Json.tree(List.of(Math.log(c), c > 0.5)));
      }
      Map<String, MetricItem> items = new LinkedHashMap<>();
      items.put("acc", new MetricItem.Value(chosen == gold ? 1 : 0));
      items.put("brier_score", new MetricItem.Chances(gold, chances));
      samples.add(
          new Scored(
              sample,
              "none",
              answers.stream().map(a -> Json.tree(List.of(a))).toList(),
              answers,
              items));
    }
    return scores(task, List.of(acc, brier), samples);
  }

  /// Questions that are answered with a text; the metric is told.
  ///
  /// @param said what is answered, before and after
  public MadeOutcomes texts(
      String name,
      int n,
      Metric metric,
      IntToDoubleFunction scoreBefore,
      IntToDoubleFunction scoreAfter,
      String question,
      String said)
      throws Exception {
    List<String> rows = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("question", i + " " + question);
      row.put("answer", "answer " + i);
      rows.add(Json.line(row));
    }
    Task task =
        task(
            name,
            rows,
            """
            output_type: generate_until
            doc_to_text: "{{question}}"
            doc_to_target: answer
            """
                + (columns.isEmpty() ? "" : "metadata: {subgroups: [" + columns + "]}\n"));
    before.put(name, said(task, metric, scoreBefore, said + " before"));
    after.put(name, said(task, metric, scoreAfter, said));
    return this;
  }

  private static TaskScores said(Task task, Metric metric, IntToDoubleFunction score, String text) {
    List<Scored> samples = new ArrayList<>();
    for (Sample sample : task.samples(null, PromptStyle.PLAIN)) {
      MetricItem item = new MetricItem.Value(score.applyAsDouble(sample.id()));
      samples.add(
          new Scored(
              sample,
              "none",
              List.of(Json.tree(List.of(text))),
              List.of(Json.tree(text)),
              Map.of(metric.name(), item)));
    }
    return scores(task, List.of(metric), samples);
  }

  private Task task(String name, List<String> rows, String keys) throws Exception {
    Files.createDirectories(folder);
    List<String> escaped = rows.stream().map(row -> row.replace("\ud800", "\\ud800")).toList();
    Files.write(folder.resolve(name + ".jsonl"), escaped); // half a pair is no UTF-8
    Files.writeString(
        folder.resolve(name + ".yaml"),
        "task: %s\ndataset_path: json\ndataset_kwargs:\n  data_files: {test: %s.jsonl}\ntest_split: test\n%s"
            .formatted(name, name, keys));
    TaskTree tree = TaskTree.of(TaskIndex.of(List.of(folder)), List.of(name));
    return Task.load(requireNonNull(tree.tasks().get(name)), null);
  }

  private static TaskScores scores(Task task, List<Metric> metrics, List<Scored> samples) {
    Map<String, Score> scores = new LinkedHashMap<>();
    for (Metric metric : metrics) {
      List<MetricItem> items = samples.stream().map(s -> s.items().get(metric.name())).toList();
      double value = Aggregation.of(metric.aggregation(), items).all();
      Score score = new Score(metric, "none", value, Double.NaN, items);
      scores.put(score.key(), score);
    }
    return new TaskScores(task, metrics, scores, samples);
  }

  /// A base and a model with an adapter.
  public Outcome outcome() {
    Map<String, List<Difference>> differences = new LinkedHashMap<>();
    before.forEach(
        (name, first) -> {
          List<Difference> own = new ArrayList<>();
          TaskScores second = requireNonNull(after.get(name));
          first
              .scores()
              .forEach(
                  (key, score) ->
                      own.add(difference(score, requireNonNull(second.scores().get(key)))));
          differences.put(name, own);
        });
    return new Outcome(
        List.of(
            new ModelResults(Evaluation.BASE, null, before, Map.of()),
            new ModelResults(Evaluation.ADAPTER, "runs/one", after, Map.of())),
        Map.of(Evaluation.ADAPTER, differences),
        10,
        20,
        2.5,
        new Pace(10, 2.5, 40, 2));
  }

  /// A group's numbers of those of its tasks.
  public static GroupScores group(TaskGroup group, Map<String, TaskScores> tasks) {
    return GroupScores.of(group, tasks);
  }

  /// The base alone.
  public Outcome base() {
    return new Outcome(
        List.of(new ModelResults(Evaluation.BASE, null, before, Map.of())), Map.of(), 0, 10, 2.5);
  }

  private static Difference difference(Score first, Score second) {
    double value = second.value() - first.value();
    if (first.isShare() && second.isShare()) {
      Paired paired = Paired.of(right(first), right(second));
      Interval interval = paired.interval(0.95);
      return new Difference(
          first.key(),
          first.value(),
          second.value(),
          value,
          interval.low(),
          interval.high(),
          paired.p(),
          "mcnemar",
          true,
          paired.onlySecond(),
          paired.onlyFirst(),
          0,
          Double.NaN);
    }
    Aggregation one = Aggregation.of(first.metric().aggregation(), first.items());
    Aggregation two = Aggregation.of(second.metric().aggregation(), second.items());
    int n = first.items().size();
    @Nullable Resampled resampled = null;
    if (!Double.isNaN(value)) {
      resampled =
          new Bootstrap(1000, 0)
              .strata(
                  List.of(
                      new Bootstrap.Stratum(
                          1,
                          Bootstrap.alone(n),
                          times -> {
                            int[] places =
                                IntStream.range(0, n)
                                    .flatMap(i -> IntStream.generate(() -> i).limit(times[i]))
                                    .toArray();
                            return two.some(places) - one.some(places);
                          })));
    }
    Interval interval =
        resampled == null ? new Interval(Double.NaN, Double.NaN) : resampled.interval(0.95);
    return new Difference(
        first.key(),
        first.value(),
        second.value(),
        value,
        interval.low(),
        interval.high(),
        resampled == null ? Double.NaN : resampled.p(),
        "bootstrap",
        false,
        0,
        0,
        0,
        Double.NaN);
  }

  private static List<Boolean> right(Score score) {
    List<Boolean> right = new ArrayList<>();
    score.items().forEach(item -> right.add(((MetricItem.Value) item).value() == 1));
    return right;
  }

  /// An outcome alone as evidence: no leaks were looked for, nobody judged.
  public static Gate.Evidence evidence(Outcome outcome) {
    return new Gate.Evidence(outcome, Map.of(), null);
  }

  /// Digests of an outcome, the rest made up.
  public static Digests digests(Outcome outcome, Policy policy) {
    return new Digests(
        "sha256:" + "b".repeat(64),
        Map.of("adapter_model.safetensors", "sha256:" + "a".repeat(64)),
        "sha256:" + "c".repeat(64),
        null,
        Digests.tasks(outcome.main()),
        Digests.data(outcome.main()),
        1234,
        Map.of("limit", "all"),
        policy.digest());
  }
}
