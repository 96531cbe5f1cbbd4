package dev.nudge.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PairedTest {
  /// From Python's exact fractions: min(1, 2·Σ comb(n, i) / 2^n).
  @ParameterizedTest
  @CsvSource({
    "0, 0, 1",
    "0, 1, 1",
    "1, 9, 0.021484375",
    "5, 5, 1",
    "4, 6, 0.75390625",
    "12, 187, 1.5259330949135196e-41",
    "0, 211, 6.077163357286271e-64",
    "900, 1100, 8.457089535503927e-06"
  })
  void theProbabilityIsExact(int a, int b, double p) {
    assertThat(Paired.p(a, b)).isCloseTo(p, withinPercentage(1e-8)).isEqualTo(Paired.p(b, a));
  }

  @Test
  void whatIsBelowAnyDoubleIsZeroAndNoError() {
    assertThat(Paired.p(3, 2000)).isZero(); // 2^-1972
  }

  @Test
  void casesAreCountedInPairs() {
    List<Boolean> first = new ArrayList<>();
    List<Boolean> second = new ArrayList<>();
    add(first, second, true, true, 7);
    add(first, second, true, false, 1);
    add(first, second, false, true, 9);
    add(first, second, false, false, 3);
    Paired paired = Paired.of(first, second);
    assertThat(paired).isEqualTo(new Paired(7, 1, 9, 3, Paired.p(1, 9)));
    assertThat(paired.secondIsBetter()).isTrue();
    assertThat(Paired.of(second, first).secondIsBetter()).isFalse();
    assertThat(Paired.of(first, first).secondIsBetter()).isFalse();
  }

  @Test
  void aDifferenceThatChanceExplainsIsNone() {
    List<Boolean> first = new ArrayList<>();
    List<Boolean> second = new ArrayList<>();
    add(first, second, true, false, 4);
    add(first, second, false, true, 6);
    assertThat(Paired.of(first, second).secondIsBetter()).isFalse();
  }

  @Test
  void casesWithoutAPartnerAreRefused() {
    assertThatThrownBy(() -> Paired.of(List.of(true), List.of()))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private static void add(
      List<Boolean> first, List<Boolean> second, boolean a, boolean b, int cases) {
    first.addAll(Collections.nCopies(cases, a));
    second.addAll(Collections.nCopies(cases, b));
  }
}
