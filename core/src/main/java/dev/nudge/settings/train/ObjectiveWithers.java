package dev.nudge.settings.train;

import dev.nudge.settings.Withers;
import java.util.List;

/// Withers for a run's objective.
///
/// @param <S> the record that holds them
public interface ObjectiveWithers<S extends Record> extends Withers<S> {
  /// The objective.
  default S withObjective(ObjectiveName objective) {
    return with("objective", objective);
  }

  /// Completions of each prompt in GRPO.
  default S withGenerations(int completions) {
    return with("generations", completions);
  }

  /// The most tokens of a completion in GRPO.
  default S withMaxCompletion(int tokens) {
    return with("max_completion", tokens);
  }

  /// Reward sources of GRPO, such as `exact:{answer}`.
  default S withReward(String... sources) {
    return with("reward", List.of(sources));
  }

  /// Jars with Java classes that give rewards in GRPO.
  default S withRewardJar(String... jars) {
    return with("reward_jar", List.of(jars));
  }
}
