package dev.nudge.settings;

import java.util.List;
import java.util.Map;

/// How the next token is chosen and where a completion ends.
///
/// @param temperature 0: greedy, and the other knobs of sampling do nothing
/// @param topK 0: off
/// @param stop texts that end a completion and are not part of it
public record SamplingSettings(
    @Setting(help = "0: greedy; higher: more random", byDefault = "0") double temperature,
    @Setting(
            help = "sample from the likeliest tokens that hold this share; 1: off",
            byDefault = "1")
        double topP,
    @Setting(help = "sample from this many likeliest tokens; 0: off", byDefault = "0") int topK,
    @Setting(help = "drop tokens below this share of the likeliest one; 0: off", byDefault = "0")
        double minP,
    @Setting(help = "above 1: tokens already there become less likely", byDefault = "1")
        double repetitionPenalty,
    @Setting(help = "seed of the sampling", byDefault = "0") long seed,
    @Setting(help = "text that ends a completion; may be given several times") List<String> stop,
    @Setting(help = "most tokens of a completion", byDefault = "256") int maxTokens)
    implements SamplingWithers<SamplingSettings> {

  public SamplingSettings {
    Check.notNegative("--temperature", temperature);
    if (!(topP > 0 && topP <= 1)) {
      throw Check.wrong("--top-p", topP, "above 0 and at most 1");
    }
    Check.atLeast("--top-k", topK, 0);
    Check.share("--min-p", minP);
    Check.positive("--repetition-penalty", repetitionPenalty);
    Check.atLeast("--seed", seed, 0);
    stop = List.copyOf(stop);
    stop.forEach(text -> Check.notEmpty("--stop", text));
    Check.atLeast("--max-tokens", maxTokens, 1);
  }

  /// Takes the likeliest token each time; all else at its default.
  public static SamplingSettings greedy() {
    return Schema.of(SamplingSettings.class).of(Map.of());
  }
}
