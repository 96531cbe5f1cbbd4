package dev.nudge.settings.train;

import dev.nudge.settings.Check;
import dev.nudge.settings.Setting;
import java.util.List;

/// Completions of group relative policy optimisation, and their rewards.
///
/// @param generations completions of a prompt
/// @param maxCompletion most tokens of a completion, end token included
/// @param temperature of sampling, and of the log-probabilities that are trained
/// @param iterations optimiser steps on each batch
/// @param reward sources for [RewardSource]; empty: the rows hold rewards
/// @param rewardJar jars with Java classes that give rewards
public record RolloutSettings(
    @Setting(help = "grpo: completions sampled of each prompt", byDefault = "8") int generations,
    @Setting(help = "grpo: most tokens of a completion", byDefault = "256") int maxCompletion,
    @Setting(
            help = "grpo: temperature of sampling, and of the probabilities that are trained",
            byDefault = "1")
        double temperature,
    @Setting(
            help = "grpo: by which deviation rewards above their group's mean are divided",
            byDefault = "group")
        ScaleRewards scaleRewards,
    @Setting(
            help = "grpo: optimiser steps on each batch; --epsilon acts from the second on",
            byDefault = "1")
        int iterations,
    @Setting(
            help =
                "grpo: what gives rewards: exact:PATTERN (the completion is that, 1 or 0),"
                    + " regex:/…/ (it has a match), length:N (1 up to N tokens, falling to 0 at"
                    + " twice as many), json (it is JSON), json:FILE (it is valid under that JSON"
                    + " schema), adapter:NAME-OR-FOLDER (a reward adapter), url:http://…, or the"
                    + " name of a Java class (dev.nudge.align.Reward); =WEIGHT behind it weighs it;"
                    + " may be given several times",
            label = "KIND[=WEIGHT]")
        List<String> reward,
    @Setting(
            help =
                "grpo: jar whose services of dev.nudge.align.Reward --reward may name; may be given"
                    + " several times, also for jars that it needs",
            label = "FILE")
        List<String> rewardJar) {

  public RolloutSettings {
    reward = List.copyOf(reward);
    reward.forEach(RewardSource::parse);
    rewardJar = List.copyOf(rewardJar);
    rewardJar.forEach(jar -> Check.notBlank("--reward-jar", jar));
    Check.atLeast("--generations", generations, 2);
    Check.atLeast("--max-completion", maxCompletion, 1);
    Check.positive("--temperature", temperature);
    Check.atLeast("--iterations", iterations, 1);
  }

  /// The reward sources, in the order given.
  public List<RewardSource> rewards() {
    return reward.stream().map(RewardSource::parse).toList();
  }
}
