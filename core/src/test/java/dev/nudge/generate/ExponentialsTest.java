package dev.nudge.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

/// Holds the exponentials of the sampler to those of Java.
class ExponentialsTest {
  private static final double BOUND = 1e-13; // of the value; rounding, seven times squared

  @Test
  void theyAreThoseOfJava() {
    int n = 20_001; // no multiple of a block
    double[] x = new double[n];
    double[] to = new double[n];
    for (double scale : new double[] {1, 0.25, 3, 1e-3, 1e4}) {
      for (int i = 0; i < n; i++) {
        x[i] = 7 - 50.0 * i / (n - 1) * scale;
      }
      new Exponentials().of(x, n, 7, scale, to);
      for (int i = 0; i < n; i++) {
        double expected = Math.exp((x[i] - 7) / scale);
        assertThat(to[i]).isCloseTo(expected, within(BOUND * expected));
      }
      assertThat(to[0]).isEqualTo(1);
    }
  }

  @Test
  void whatIsFarBelowWeighsNothing() {
    double[] x = {2, 1, -1e300, Double.NEGATIVE_INFINITY};
    double[] to = new double[4];
    new Exponentials().of(x, 4, 2, 1e-310, to); // a temperature whose inverse is infinite
    assertThat(to[0]).isEqualTo(1);
    for (int i = 1; i < 4; i++) {
      assertThat(to[i]).isCloseTo(0, within(2e-22));
    }
  }

  @Test
  void theSumHasEveryNumber() {
    double[] x = {1, 2, 4, 8, 16, 32, 64, 1000};
    for (int n = 0; n < 8; n++) {
      assertThat(Exponentials.sum(x, n)).isEqualTo((1 << n) - 1);
    }
  }
}
