package dev.nudge.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class IntervalTest {
  /// The formula in Python with z = statistics.NormalDist().inv_cdf(0.975).
  @ParameterizedTest
  @CsvSource({
    "0, 1, 0, 0.7934506856227626",
    "0, 10, 0, 0.27753279986288915",
    "10, 10, 0.7224672001371109, 1",
    "90, 100, 0.8256343384950866, 0.9447708629393249",
    "1, 3, 0.06149194472039629, 0.7923403991979523",
    "243, 256, 0.9150689403789347, 0.9700861886134464",
    "57, 1000, 0.044253440358715944, 0.07313706765948591"
  })
  void endsAreWilsons(int hits, int n, double low, double high) {
    Interval interval = Interval.wilson(hits, n);
    assertThat(interval.low()).isCloseTo(low, within(1e-14));
    assertThat(interval.high()).isCloseTo(high, within(1e-14));
    assertThat(interval.low()).isNotNegative();
    assertThat(interval.high()).isLessThanOrEqualTo(1);
  }

  @Test
  void whatIsNoShareIsRefused() {
    for (int[] wrong : new int[][] {{0, 0}, {-1, 5}, {6, 5}}) {
      assertThatThrownBy(() -> Interval.wilson(wrong[0], wrong[1]))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }
}
