package dev.nudge.train.objective;

import dev.nudge.data.rows.WantedRows;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.Method;
import dev.nudge.settings.train.ObjectiveName;
import dev.nudge.settings.train.ObjectiveSettings;
import dev.nudge.settings.train.RewardSource;
import dev.nudge.settings.train.TrainSettings;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Refuses settings of group relative policy optimisation that its rows do not use.
public final class GroupCheck {
  private GroupCheck() {}

  public static void check(TrainSettings settings, WantedRows rows) {
    ObjectiveSettings objective = settings.objective();
    if (objective.objective() != ObjectiveName.GRPO) {
      return;
    }
    int iterations = objective.rollouts().iterations();
    checkPace("--save-steps", settings.output().saveSteps(), iterations);
    checkPace("--eval-steps", settings.eval().evalSteps(), iterations);
    if (!rows.promptsOnly()) {
      for (String key : List.of("reward", "reward_jar", "generations")) {
        if (settings.given().contains(key)) {
          throw new InputException(
              "--%s is given with rows that have completions and rewards: nothing is sampled; leave it out, or give rows of prompts alone"
                  .formatted(key.replace('_', '-')));
        }
      }
    } else {
      checkJudges(settings);
      if (objective.hasReference()) {
        checkReference(settings);
      }
    }
  }

  /// Saves and held-out losses come between batches, whose first probabilities no file keeps.
  private static void checkPace(String flag, @Nullable Integer every, int iterations) {
    if (every != null && every % iterations != 0) {
      throw new InputException(
          "%s %d is no multiple of --iterations %d; a run is saved and evaluated between batches"
              .formatted(flag, every, iterations));
    }
  }

  /// A reward adapter needs the base's weights, which full fine-tuning changes.
  private static void checkJudges(TrainSettings settings) {
    for (RewardSource reward : settings.objective().rollouts().rewards()) {
      if (settings.lora().method() == Method.FULL && reward.adapter() != null) {
        throw new InputException(
            "--reward %s stands on the base, whose weights --method full changes; leave --method out, or give another reward"
                .formatted(reward.text()));
      }
    }
  }

  /// The reference of sampled completions needs the base's weights, which full tuning changes.
  private static void checkReference(TrainSettings settings) {
    if (settings.lora().method() == Method.FULL) {
      throw new InputException(
          "--beta is given with --method full and sampled completions: no reference is left to"
              + " measure them by; leave --beta out");
    }
  }
}
