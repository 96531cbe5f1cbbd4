package dev.nudge.settings;

import org.jspecify.annotations.Nullable;

/// Held-out data and how often its loss is taken.
///
/// @param evalData file or glob; null: no held-out loss
/// @param evalSteps null: at the end of each epoch
public record EvalSettings(
    @Setting(
            help = "JSONL file or glob of held-out rows; what has the lowest loss on them is kept",
            label = "FILE")
        @Nullable String evalData,
    @Setting(help = "steps between two held-out losses (default: each epoch's end)")
        @Nullable Integer evalSteps) {

  public EvalSettings {
    Check.notBlank("--eval-data", evalData);
    Check.atLeast("--eval-steps", evalSteps, 1);
    if (evalSteps != null && evalData == null) {
      throw new InputException("--eval-steps is given without held-out rows; add --eval-data");
    }
  }
}
