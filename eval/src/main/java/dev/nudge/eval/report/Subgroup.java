package dev.nudge.eval.report;

import dev.nudge.eval.Interval;
import dev.nudge.eval.gate.Measured;
import dev.nudge.eval.run.Aggregation;
import dev.nudge.eval.run.MetricItem;
import dev.nudge.eval.run.TaskScores.Score;
import dev.nudge.eval.run.Units;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A metric on a slice of a task's documents.
///
/// @param name name, such as the value of a column
/// @param before value of the earlier model; NaN: none
/// @param low lower end of the 95 % interval of the difference, or of the value without an earlier
///     model; NaN: unknown. Correlated documents are resampled by cluster; within a single cluster
///     by document, which is valid only for that cluster
/// @param ofOne whether the slice is within one cluster
record Subgroup(
    String name,
    int documents,
    double before,
    double after,
    double low,
    double high,
    boolean ofOne) {
  private static final double CONFIDENCE = 0.95;

  /// Describes the intervals, for table heads.
  static String intervals(List<Subgroup> slices) {
    return slices.stream().anyMatch(Subgroup::ofOne)
        ? "intervals at 95 %, of a row within one cluster over its documents"
        : "intervals at 95 %";
  }

  /// Computes a slice.
  ///
  /// @param first score of the earlier model; null: none
  /// @param places indices of the documents
  static Subgroup of(String name, @Nullable Score first, Score second, List<Integer> places) {
    Score after = some(second, places);
    Score before = first == null ? null : some(first, places);
    Measured measured = before == null ? Measured.of(after) : Measured.difference(before, after);
    Interval interval = measured.interval(CONFIDENCE);
    return new Subgroup(
        name,
        places.size(),
        before == null ? Double.NaN : before.value(),
        after.value(),
        finite(interval.low()),
        finite(interval.high()),
        second.units().areOfOne(places));
  }

  static double finite(double value) {
    return Double.isFinite(value) ? value : Double.NaN;
  }

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
            Shown.interval(low, high))
        : List.of(n, Shown.number(after), Shown.range(low, high));
  }

  private static Score some(Score score, List<Integer> places) {
    List<MetricItem> items = new ArrayList<>();
    places.forEach(place -> items.add(score.items().get(place)));
    double value =
        items.isEmpty() ? Double.NaN : Aggregation.of(score.metric().aggregation(), items).all();
    Units units = score.units().some(places);
    return new Score(score.metric(), score.filter(), value, Double.NaN, items, units);
  }
}
