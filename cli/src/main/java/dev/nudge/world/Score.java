package dev.nudge.world;

import java.util.List;

/// How many of some answers are right, whole and field by field.
///
/// @param low lower end of the 95 % interval of the share that is exact, by Wilson's formula
/// @param high its upper end
record Score(
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
  private static final double Z = 1.959963984540054; // 97.5 % of the normal distribution

  static Score of(List<Grader.Grade> grades) {
    int n = grades.size();
    int exact = count(grades, Grader.Grade::exact);
    double p = exact / (double) n;
    double z = Z * Z / n;
    double middle = (p + z / 2) / (1 + z);
    double half = Math.sqrt(p * (1 - p) * z + z * z / 4) / (1 + z);
    return new Score(
        n,
        exact,
        p,
        middle - half,
        middle + half,
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
