package dev.nudge.settings.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BitRateTest {
  @ParameterizedTest
  @CsvSource({"10Gb, 1e10, 10Gb", "2.5g, 2.5e9, 2.5Gb", "100 Mbit/s, 1e8, 100Mb"})
  void aRateIsReadAndShown(String text, double bits, String shown) {
    assertThat(BitRate.parse(text).bitsPerSecond()).isEqualTo(bits);
    assertThat(BitRate.parse(text)).hasToString(shown);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "10", "0G", "fast", "-1G", "10T"})
  void whatIsNoRateIsRefused(String text) {
    assertThatThrownBy(() -> BitRate.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("such as 10Gb");
  }
}
