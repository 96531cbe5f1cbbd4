package dev.nudge.settings;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class CountTest {
  @Test
  void oneIsSingular() {
    assertThat(Count.of(0, "row")).isEqualTo("0 rows");
    assertThat(Count.of(1, "row")).isEqualTo("1 row");
    assertThat(Count.of(1_200, "row")).isEqualTo("1,200 rows");
    assertThat(Count.of(1, "row", "is", "are")).isEqualTo("1 row is");
    assertThat(Count.of(2, "row", "is", "are")).isEqualTo("2 rows are");
  }
}
