package dev.nudge.eval.report;

import dev.nudge.eval.Holm;
import dev.nudge.eval.Interval;
import dev.nudge.eval.gate.Measured;
import dev.nudge.eval.leak.LeakKind;
import dev.nudge.eval.leak.LeakReport;
import dev.nudge.eval.run.Difference;
import dev.nudge.eval.run.GroupScores;
import dev.nudge.eval.run.ModelResults;
import dev.nudge.eval.run.TaskScores;
import dev.nudge.eval.run.TaskScores.Score;
import dev.nudge.eval.run.TaskScores.Scored;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Everything that a report shows, computed: each model against the previous one, or the base
/// alone.
record ReportView(ReportData data, List<Pair> pairs) {
  private static final double CONFIDENCE = 0.95;
  static final int MOST_GROUPS = 20;

  /// A comparison of two models.
  ///
  /// @param before name of the earlier model; null: none
  record Pair(
      @Nullable String before,
      String after,
      List<ResultRow> rows,
      List<GroupRow> groups,
      List<TaskView> tasks) {}

  /// A metric of a task group.
  ///
  /// @param metric metric with its filter, if that has a name
  /// @param before value of the earlier model; NaN: none
  /// @param low lower end of the 95 % interval of the difference; NaN: unknown
  /// @param p two-sided p-value of no difference; NaN: unknown
  record GroupRow(
      String group,
      String metric,
      int documents,
      double before,
      double after,
      double low,
      double high,
      double p) {
    /// Returns the cells of its row.
    ///
    /// @param paired whether an earlier model is compared
    List<String> numbers(boolean paired) {
      String n = Shown.count(documents);
      return paired
          ? List.of(
              n,
              Shown.number(before),
              Shown.number(after),
              Shown.signed(after - before),
              Shown.interval(low, high),
              Shown.p(p))
          : List.of(n, Shown.number(after));
    }
  }

  /// The details of a task for two models.
  ///
  /// @param metric the task's first metric, for flips and slices
  /// @param subgroups slices by column
  /// @param left number of omitted values of a column, by column
  /// @param leaks leaked documents; null: no leak scan
  record TaskView(
      String name,
      String alias,
      int documents,
      ResultRow metric,
      Flip.Flips flips,
      @Nullable Reliability before,
      @Nullable Reliability after,
      Map<String, List<Subgroup>> subgroups,
      Map<String, Integer> left,
      @Nullable Leaked leaks) {}

  /// Leaked documents of a task.
  ///
  /// @param slices slices of all documents, the clean ones and the leaked ones
  record Leaked(int documents, int found, Map<LeakKind, Long> kinds, List<Subgroup> slices) {}

  static ReportView of(ReportData data) {
    List<ModelResults> models = data.outcome().models();
    List<Pair> pairs = new ArrayList<>();
    if (models.size() == 1) {
      pairs.add(pair(data, null, models.getFirst()));
    }
    for (int i = 1; i < models.size(); i++) {
      pairs.add(pair(data, models.get(i - 1), models.get(i)));
    }
    return new ReportView(data, pairs);
  }

  private static Pair pair(ReportData data, @Nullable ModelResults before, ModelResults after) {
    List<ResultRow> rows = new ArrayList<>();
    List<TaskView> tasks = new ArrayList<>();
    Map<String, List<Difference>> known =
        data.outcome().differences().getOrDefault(after.name(), Map.of());
    after
        .tasks()
        .forEach(
            (name, task) -> {
              TaskScores first = before == null ? null : before.tasks().get(name);
              List<ResultRow> own = rows(name, first, task, known.getOrDefault(name, List.of()));
              rows.addAll(own);
              if (!own.isEmpty()) {
                tasks.add(task(data, name, first, task, own.getFirst()));
              }
            });
    return new Pair(
        before == null ? null : before.name(),
        after.name(),
        adjusted(rows),
        groups(before, after, known),
        tasks);
  }

  private static List<GroupRow> groups(
      @Nullable ModelResults before, ModelResults after, Map<String, List<Difference>> known) {
    List<GroupRow> rows = new ArrayList<>();
    after
        .groups()
        .forEach(
            (name, group) -> {
              GroupScores first = before == null ? null : before.groups().get(name);
              List<Difference> own = after.tasks().containsKey(name) ? null : known.get(name);
              group
                  .scores()
                  .forEach(
                      (key, score) -> {
                        GroupScores.Score was = first == null ? null : first.scores().get(key);
                        Difference found = own == null ? null : found(own, key);
                        rows.add(
                            new GroupRow(
                                name,
                                key.replaceFirst(",none$", ""),
                                score.count(),
                                was == null ? Double.NaN : was.value(),
                                score.value(),
                                found == null ? Double.NaN : found.low(),
                                found == null ? Double.NaN : found.high(),
                                found == null ? Double.NaN : found.p()));
                      });
            });
    return rows;
  }

  private static List<ResultRow> rows(
      String name, @Nullable TaskScores before, TaskScores after, List<Difference> known) {
    List<ResultRow> rows = new ArrayList<>();
    after
        .scores()
        .forEach(
            (key, score) -> {
              Difference found = found(known, key);
              Score first = before == null ? null : before.scores().get(key);
              rows.add(row(name, first, score, found));
            });
    return rows;
  }

  private static @Nullable Difference found(List<Difference> known, String key) {
    return known.stream().filter(d -> d.key().equals(key)).findFirst().orElse(null);
  }

  private static ResultRow row(
      String name, @Nullable Score before, Score after, @Nullable Difference known) {
    double nan = Double.NaN;
    double was = before == null ? nan : before.value();
    int n = after.items().size();
    int clusters = after.units().clusterCount();
    if (known != null) {
      return new ResultRow(
          name,
          after.metric(),
          after.filter(),
          n,
          was,
          after.value(),
          known.value(),
          known.low(),
          known.high(),
          known.p(),
          nan,
          known.counted(),
          known.fixed(),
          known.broken(),
          clusters);
    }
    Interval interval =
        before == null ? Measured.of(after).interval(CONFIDENCE) : new Interval(nan, nan);
    return new ResultRow(
        name,
        after.metric(),
        after.filter(),
        n,
        was,
        after.value(),
        after.value() - was,
        Subgroup.finite(interval.low()),
        Subgroup.finite(interval.high()),
        nan,
        nan,
        false,
        0,
        0,
        clusters);
  }

  private static List<ResultRow> adjusted(List<ResultRow> rows) {
    List<ResultRow> tested = rows.stream().filter(row -> !Double.isNaN(row.p())).toList();
    double[] holm = Holm.adjusted(tested.stream().mapToDouble(ResultRow::p).toArray());
    return rows.stream()
        .map(row -> Double.isNaN(row.p()) ? row : row.adjusted(holm[tested.indexOf(row)]))
        .toList();
  }

  private static TaskView task(
      ReportData data, String name, @Nullable TaskScores before, TaskScores after, ResultRow main) {
    Score second = after.scores().values().iterator().next();
    Score first = before == null ? null : before.scores().get(second.key());
    List<Scored> samples = Flip.samples(after, second.filter());
    Map<String, List<Subgroup>> groups = new LinkedHashMap<>();
    Map<String, Integer> left = new LinkedHashMap<>();
    for (String column : after.task().config().subgroups()) {
      groups(column, samples, first, second, groups, left);
    }
    LeakReport leaks = data.leaks().get(name);
    return new TaskView(
        name,
        after.task().config().alias(),
        second.items().size(),
        main,
        before == null || first == null
            ? Flip.Flips.NONE
            : Flip.of(before, after, first, second, main.counted()),
        before == null ? null : Reliability.of(before),
        Reliability.of(after),
        groups,
        left,
        leaks == null ? null : leaked(leaks, samples, first, second));
  }

  /// The slices by the values of a column, most frequent first; none if no document has the
  /// column.
  private static void groups(
      String column,
      List<Scored> samples,
      @Nullable Score first,
      Score second,
      Map<String, List<Subgroup>> groups,
      Map<String, Integer> left) {
    Map<String, List<Integer>> places = new LinkedHashMap<>();
    for (int i = 0; i < samples.size(); i++) {
      JsonNode value = samples.get(i).sample().doc().path(column);
      if (!value.isMissingNode() && !value.isNull()) {
        String text = value.isString() ? value.stringValue() : value.toString();
        places.computeIfAbsent(text, t -> new ArrayList<>()).add(i);
      }
    }
    if (places.isEmpty()) {
      return;
    }
    List<Subgroup> slices =
        places.entrySet().stream()
            .sorted((a, b) -> b.getValue().size() - a.getValue().size())
            .limit(MOST_GROUPS)
            .map(e -> Subgroup.of(e.getKey(), first, second, e.getValue()))
            .toList();
    groups.put(column, slices);
    left.put(column, places.size() - slices.size());
  }

  private static Leaked leaked(
      LeakReport report, List<Scored> samples, @Nullable Score first, Score second) {
    Set<String> ids = report.ids();
    List<Integer> all = new ArrayList<>();
    List<Integer> clean = new ArrayList<>();
    List<Integer> found = new ArrayList<>();
    for (int i = 0; i < samples.size(); i++) {
      all.add(i);
      (ids.contains(String.valueOf(samples.get(i).sample().id())) ? found : clean).add(i);
    }
    return new Leaked(
        samples.size(),
        found.size(),
        report.counts(),
        List.of(
            Subgroup.of("all", first, second, all),
            Subgroup.of("clean", first, second, clean),
            Subgroup.of("in the training set", first, second, found)));
  }

  /// Groups rows by the axis of the forest plot that they share.
  static Map<String, List<ResultRow>> byAxis(List<ResultRow> rows) {
    Map<String, List<ResultRow>> all = new LinkedHashMap<>();
    for (ResultRow row : rows) {
      if (Double.isFinite(row.low()) && Double.isFinite(row.high())) {
        all.computeIfAbsent(row.axis(), a -> new ArrayList<>()).add(row);
      }
    }
    return all;
  }

  /// Returns the adapters by the name of their model.
  Map<String, String> adapters() {
    Map<String, String> all = new LinkedHashMap<>();
    data.outcome()
        .models()
        .forEach(m -> all.put(m.name(), m.adapter() == null ? "the model alone" : m.adapter()));
    return all;
  }
}
