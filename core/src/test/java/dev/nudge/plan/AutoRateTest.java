package dev.nudge.plan;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.settings.Method;
import dev.nudge.settings.Rate;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AutoRateTest {
  /// Widths of SmolLM2-135M, Qwen2.5-0.5B, Llama-3.2-1B, Llama-3.1-8B and 70B, and one of tests.
  @ParameterizedTest
  @CsvSource({
    "576, 1.3e-3, 1.3e-4",
    "896, 9.4e-4, 9.4e-5",
    "2048, 4.9e-4, 4.9e-5",
    "4096, 2.9e-4, 2.9e-5",
    "8192, 1.7e-4, 1.7e-5",
    "32, 2e-3, 2e-4"
  })
  void fallsWithTheWidthAndIsATenthForAllWeights(int width, double adapter, double full) {
    assertThat(AutoRate.of(Method.LORA, width)).isEqualTo(adapter);
    assertThat(AutoRate.of(Method.FULL, width)).isEqualTo(full);
  }

  @ParameterizedTest
  @CsvSource({
    "0.0013, 1.3e-3",
    "2e-5, 2e-5",
    "0.01, 1e-2",
    "1.234e-4, 1.234e-4",
    "1, 1e0",
    "20, 2e1"
  })
  void aRateIsWrittenAsPapersDo(double rate, String shown) {
    assertThat(Rate.shown(rate)).isEqualTo(shown);
  }
}
