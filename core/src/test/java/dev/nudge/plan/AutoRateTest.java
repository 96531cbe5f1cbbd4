package dev.nudge.plan;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.settings.train.LoraSettings;
import dev.nudge.settings.train.Rate;
import dev.nudge.settings.train.TrainSettings;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AutoRateTest {
  private static TrainSettings settings(String keys) {
    Map<String, Object> values = new HashMap<>(Map.of("model", "m", "data", "d", "out", "o"));
    for (String key : keys.split(" ")) {
      values.put(key.substring(0, key.indexOf('=')), key.substring(key.indexOf('=') + 1));
    }
    return TrainSettings.of(values);
  }

  private static double of(int width, String keys) {
    TrainSettings settings = settings(keys);
    LoraSettings lora = settings.lora();
    return AutoRate.of(lora.method(), lora.plainAlpha(), settings.optimizer(), width);
  }

  /// Widths of SmolLM2-135M, Llama-3.2-1B, Llama-3.1-8B and 70B, and one of tests.
  @ParameterizedTest
  @CsvSource({
    "576, 1.3e-3, 1.3e-4",
    "2048, 4.9e-4, 4.9e-5",
    "4096, 2.9e-4, 2.9e-5",
    "8192, 1.7e-4, 1.7e-5",
    "32, 2e-3, 2e-4"
  })
  void fallsWithTheWidthAndIsATenthForAllWeights(int width, double adapter, double full) {
    assertThat(of(width, "method=lora")).isEqualTo(adapter);
    assertThat(of(width, "method=full")).isEqualTo(full);
  }

  @ParameterizedTest
  @CsvSource({
    "rank=64, 5e-4",
    "rank=64 alpha=128, 2.5e-4",
    "alpha=8, 1e-3",
    "rank=64 rs_lora=true, 1.8e-4",
    "lora_plus=4, 2.5e-4",
    "dora=true, 5e-4"
  })
  void fallsAsAlphaGrowsAndNotWithTheRank(String keys, double rate) {
    assertThat(of(2000, keys)).isEqualTo(rate);
  }

  /// Five times the rate that fits is no longer near it.
  @ParameterizedTest
  @CsvSource({
    "method=lora learning_rate=4.6e-3, --learning-rate auto takes 9.3e-4 for such an adapter at a"
        + " width of 900",
    "method=lora learning_rate=4.7e-3, --learning-rate 4.7e-3 is high for such an adapter at a"
        + " width of 900; auto takes 9.3e-4",
    "method=full, --learning-rate auto takes 9.3e-5 for all weights at a width of 900 (a tenth of"
        + " LoRA's)",
    "method=full learning_rate=1.8e-5, --learning-rate 1.8e-5 is low for all weights at a width of"
        + " 900; auto takes 9.3e-5"
  })
  void theAdviceSaysWhetherARateFits(String keys, String line) {
    TrainSettings settings = settings(keys);
    LoraSettings lora = settings.lora();
    assertThat(AutoRate.advice(lora.method(), lora.plainAlpha(), settings.optimizer(), 900))
        .isEqualTo(line);
  }

  @ParameterizedTest
  @CsvSource({"0.0013, 1.3e-3", "2e-5, 2e-5", "0.01, 0.01", "1.234e-4, 1.234e-4", "1, 1", "20, 20"})
  void aRateIsWrittenAsPapersDo(double rate, String shown) {
    assertThat(Rate.shown(rate)).isEqualTo(shown);
  }
}
