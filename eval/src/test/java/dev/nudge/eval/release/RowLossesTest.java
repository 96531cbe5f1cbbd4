package dev.nudge.eval.release;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Seeds;
import dev.nudge.engine.RowScore;
import dev.nudge.eval.Interval;
import dev.nudge.eval.gate.Verdict;
import java.util.Random;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RowLossesTest {
  /// @param logprob of a token of row i
  private static RowLosses rows(int count, IntToDoubleFunction logprob) {
    return new RowLosses(
        IntStream.range(0, count)
            .mapToObj(i -> new RowScore(i, 1 + i % 9, (1 + i % 9) * logprob.applyAsDouble(i), true))
            .toList());
  }

  @Test
  void equalRowsCostNothing() {
    RowLosses rows = rows(30, i -> -i);
    RowLosses.Difference none = rows.above(rows);
    assertThat(none.value()).isZero();
    assertThat(none.within(0)).isEqualTo(Verdict.PASS);
  }

  @Test
  void aCostIsShownToBeLessOrMoreOrNeither() {
    Random random = new Random(Seeds.next());
    double[] noise = random.doubles(200, -0.1, 0.1).toArray();
    RowLosses before = rows(200, i -> -2);
    RowLosses.Difference cost = rows(200, i -> -2.5 + noise[i]).above(before);
    assertThat(cost.value()).isCloseTo(0.5, within(0.05));
    assertThat(cost.value()).isBetween(cost.interval().low(), cost.interval().high());
    assertThat(cost.within(0.6)).isEqualTo(Verdict.PASS);
    assertThat(cost.within(0.4)).isEqualTo(Verdict.FAIL);
    assertThat(cost.within(cost.value())).isEqualTo(Verdict.INCONCLUSIVE);
  }

  @Test
  void fewRowsShowNothing() {
    RowLosses.Difference cost = rows(19, i -> -3).above(rows(19, i -> -2));
    assertThat(cost.value()).isCloseTo(1, within(1e-12));
    assertThat(cost.interval()).isEqualTo(Interval.UNKNOWN);
    assertThat(cost.within(10)).isEqualTo(Verdict.INCONCLUSIVE);
    assertThat(cost.written()).containsOnlyKeys("value");
  }
}
