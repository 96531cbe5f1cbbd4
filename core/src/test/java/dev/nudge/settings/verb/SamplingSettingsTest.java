package dev.nudge.settings.verb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.InputException;
import dev.nudge.settings.Schema;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/// Token ids in settings are read once, and the typed withers write what is read.
class SamplingSettingsTest {
  private static final SamplingSettings GREEDY = SamplingSettings.greedy();

  @Test
  void biasesAndStopIdsAreReadByTokenId() {
    SamplingSettings read =
        Schema.of(SamplingSettings.class)
            .of(Map.of("logit_bias", List.of("7=-100", "3=1.5e0"), "stop_id", List.of("12", "0")));
    assertThat(read.biases()).isEqualTo(Map.of(7, -100.0, 3, 1.5));
    assertThat(read.stopIds()).containsExactlyInAnyOrder(12, 0);
    assertThat(GREEDY.withLogitBias(Map.of(7, -100.0, 3, 1.5)).withStopId(12, 0).biases())
        .isEqualTo(read.biases());
    assertThat(GREEDY.withLogitBias(Map.of(5, 1e-9)).biases()).isEqualTo(Map.of(5, 1e-9));
  }

  @Test
  void tokensThatTheModelHasNotAreNamed() {
    SamplingSettings settings = GREEDY.withStopId(5).withLogitBias(Map.of(6, 1.0));
    settings.checkTokens(7);
    assertThatThrownBy(() -> settings.checkTokens(6))
        .isInstanceOf(InputException.class)
        .hasMessage("--logit-bias names token 6; the model has tokens 0 to 5");
    assertThatThrownBy(() -> settings.checkTokens(5))
        .hasMessage("--stop-id names token 5; the model has tokens 0 to 4");
  }

  @Test
  void aTokenIsBiasedOnce() {
    assertThatThrownBy(
            () ->
                Schema.of(SamplingSettings.class).of(Map.of("logit_bias", List.of("3=1", "03=2"))))
        .hasMessage("--logit-bias has token 3 twice; give it once");
  }
}
