package dev.nudge.chat;

import dev.nudge.settings.verb.SamplingSettings;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/// Sampling parameters of a request, which override the server's; null: not given.
///
/// @param stop null or empty: not given
public record Overrides(
    @Nullable Double temperature,
    @Nullable Double topP,
    @Nullable Integer topK,
    @Nullable Double presencePenalty,
    @Nullable Double frequencyPenalty,
    @Nullable Integer maxTokens,
    @Nullable List<String> stop) {

  /// Returns the settings with the request's values. With a temperature above 0 and the seed 0, the
  /// seed is drawn anew each time.
  ///
  /// @throws dev.nudge.settings.InputException if a value is out of range
  public SamplingSettings over(SamplingSettings usual) {
    SamplingSettings sampling = usual;
    if (temperature != null) {
      sampling = sampling.withTemperature(temperature);
    }
    if (topP != null) {
      sampling = sampling.withTopP(topP);
    }
    if (topK != null) {
      sampling = sampling.withTopK(topK);
    }
    if (presencePenalty != null) {
      sampling = sampling.withPresencePenalty(presencePenalty);
    }
    if (frequencyPenalty != null) {
      sampling = sampling.withFrequencyPenalty(frequencyPenalty);
    }
    if (maxTokens != null) {
      sampling = sampling.withMaxTokens(maxTokens);
    }
    if (stop != null && !stop.isEmpty()) {
      sampling = sampling.withStop(stop.toArray(String[]::new));
    }
    return sampling.temperature() > 0 && sampling.seed() == 0
        ? sampling.withSeed(ThreadLocalRandom.current().nextLong() & Long.MAX_VALUE)
        : sampling;
  }
}
