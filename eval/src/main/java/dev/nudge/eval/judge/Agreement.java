package dev.nudge.eval.judge;

import dev.nudge.eval.Bootstrap;
import dev.nudge.eval.Interval;
import dev.nudge.eval.Resampled;
import java.util.ArrayList;
import java.util.List;

/// Agreement of a judge with human labels on the same pairs.
///
/// Besides the share of agreeing pairs it reports Cohen's kappa [1], which corrects for chance:
/// with o the observed share and e the share expected of two independent raters with the same label
/// frequencies,
///
///     kappa = (o − e) / (1 − e)
///
/// 1 is full agreement, 0 is chance level. NaN if both raters use only one label. The interval of
/// the share is Wilson's, that of kappa a bootstrap over pairs.
///
/// [1] J. Cohen, A coefficient of agreement for nominal scales, 1960.
///
/// @param unread pairs with an unreadable verdict, left out of all numbers
/// @param all agreement over all other pairs
/// @param decided agreement over the pairs that neither calls a tie
/// @param table confusion matrix: human label (row) by verdict (column), order a, b, tie
/// @param order the judge's position bias on these pairs
public record Agreement(
    int unread, Measure all, Measure decided, List<List<Integer>> table, OrderBias order) {
  private static final double CONFIDENCE = 0.95;
  private static final int LABELS = Choice.values().length;

  /// A human-labelled pair with the judge's verdict.
  ///
  /// @param label the human label
  public record Labelled(Choice label, Judged judged) {}

  /// Agreement on a set of pairs.
  ///
  /// @param pairs number of pairs
  /// @param agreed pairs on which label and verdict are equal
  /// @param low lower end of the 95 % interval of the share; NaN without pairs
  /// @param kappa Cohen's kappa; NaN if undefined
  /// @param kappaLow lower end of its 95 % interval; NaN if a resample has no kappa
  public record Measure(
      int pairs,
      int agreed,
      double low,
      double high,
      double kappa,
      double kappaLow,
      double kappaHigh) {

    /// Returns the share of agreeing pairs; NaN without pairs.
    public double share() {
      return agreed / (double) pairs;
    }

    /// @param cells cell of each pair: label · 3 + choice
    static Measure of(List<Integer> cells) {
      double nan = Double.NaN;
      if (cells.isEmpty()) {
        return new Measure(0, 0, nan, nan, nan, nan, nan);
      }
      double[][] each = new double[cells.size()][LABELS * LABELS];
      double[] sums = new double[LABELS * LABELS];
      int agreed = 0;
      for (int i = 0; i < each.length; i++) {
        int cell = cells.get(i);
        each[i][cell] = 1;
        sums[cell]++;
        agreed += cell / LABELS == cell % LABELS ? 1 : 0;
      }
      Interval share = Interval.wilson(agreed, cells.size());
      Interval kappa = new Interval(nan, nan);
      try {
        Resampled resampled = Bootstrap.STANDARD.corpus(each, Measure::kappa);
        kappa = resampled.interval(CONFIDENCE);
      } catch (IllegalArgumentException e) {
        // a resample with only one label: the interval is unknown
      }
      return new Measure(
          cells.size(), agreed, share.low(), share.high(), kappa(sums), kappa.low(), kappa.high());
    }

    /// @param table counts by label · 3 + choice
    private static double kappa(double[] table) {
      double n = 0;
      double same = 0;
      double chance = 0;
      double[] rows = new double[LABELS];
      double[] columns = new double[LABELS];
      for (int i = 0; i < table.length; i++) {
        n += table[i];
        rows[i / LABELS] += table[i];
        columns[i % LABELS] += table[i];
        same += i / LABELS == i % LABELS ? table[i] : 0;
      }
      for (int i = 0; i < LABELS; i++) {
        chance += rows[i] * columns[i];
      }
      return (n * same - chance) / (n * n - chance);
    }
  }

  /// Compares human labels with the judge's verdicts.
  public static Agreement of(List<Labelled> labelled) {
    List<Integer> all = new ArrayList<>();
    List<Integer> decided = new ArrayList<>();
    int[][] table = new int[LABELS][LABELS];
    for (Labelled one : labelled) {
      Choice said = one.judged().ruling().choice();
      if (said == null) {
        continue;
      }
      Choice label = one.label();
      int cell = label.ordinal() * LABELS + said.ordinal();
      table[label.ordinal()][said.ordinal()]++;
      all.add(cell);
      if (label != Choice.TIE && said != Choice.TIE) {
        decided.add(cell);
      }
    }
    List<List<Integer>> rows = new ArrayList<>();
    for (int[] row : table) {
      rows.add(java.util.Arrays.stream(row).boxed().toList());
    }
    return new Agreement(
        labelled.size() - all.size(),
        Measure.of(all),
        Measure.of(decided),
        List.copyOf(rows),
        OrderBias.of(labelled.stream().map(Labelled::judged).toList()));
  }
}
