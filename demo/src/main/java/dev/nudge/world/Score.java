package dev.nudge.world;

import dev.nudge.eval.Interval;
import java.util.List;

/// Counts right answers, exact and field by field.
///
/// @param low lower end of the 95 % Wilson interval of the exact share
/// @param high upper end
public record Score(
    int rows,
    int exact,
    double share,
    double low,
    double high,
    int team,
    int urgency,
    int product,
    int code,
    int reply) {
  /// Counts graded answers; at least one is needed.
  public static Score of(List<Grader.Grade> grades) {
    int n = grades.size();
    int exact = count(grades, Grader.Grade::exact);
    Interval interval = Interval.wilson(exact, n);
    return new Score(
        n,
        exact,
        exact / (double) n,
        interval.low(),
        interval.high(),
        count(grades, Grader.Grade::team),
        count(grades, Grader.Grade::urgency),
        count(grades, Grader.Grade::product),
        count(grades, Grader.Grade::code),
        count(grades, Grader.Grade::reply));
  }

  private static int count(
      List<Grader.Grade> grades, java.util.function.Predicate<Grader.Grade> right) {
    return (int) grades.stream().filter(right).count();
  }
}
