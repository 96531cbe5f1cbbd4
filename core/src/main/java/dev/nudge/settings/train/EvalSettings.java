package dev.nudge.settings.train;

import dev.nudge.settings.Check;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Setting;
import dev.nudge.settings.verb.EvalSplit;
import org.jspecify.annotations.Nullable;

/// The held-out data, and how often its loss is computed.
///
/// @param evalData file, folder or glob of held-out rows; null: none
/// @param evalSplit rows of the data that are held out; null: none
/// @param evalSteps steps between two held-out losses; null: at the end of each epoch
public record EvalSettings(
    @Setting(
            help =
                "file, folder or glob of held-out rows; what has the lowest loss on them is kept",
            label = "FILE",
            names = Setting.Names.DATA)
        @Nullable String evalData,
    @Setting(
            help =
                "hold out rows of --data: a split by its name (test), a share (0.05), or a share by"
                    + " a column whose values stay together (0.05:customer_id)",
            label = "SPLIT")
        @Nullable EvalSplit evalSplit,
    @Setting(help = "steps between two held-out losses (default: each epoch's end)")
        @Nullable Integer evalSteps) {

  public EvalSettings {
    Check.notBlank("--eval-data", evalData);
    Check.atLeast("--eval-steps", evalSteps, 1);
    if (evalData != null && evalSplit != null) {
      throw new InputException(
          "--eval-data and --eval-split are both given; rows are held out once, so leave one out");
    }
    if (evalSteps != null && evalData == null && evalSplit == null) {
      throw new InputException(
          "--eval-steps is given without held-out rows; add --eval-data or --eval-split");
    }
  }

  /// Whether any rows are held out.
  public boolean any() {
    return evalData != null || evalSplit != null;
  }
}
