package dev.nudge.train;

import dev.nudge.settings.RunException;

/// Counts the steps that were skipped and says why a run ends for them.
///
/// A step is skipped where its loss or its gradient is NaN or infinite, or where nothing is left to
/// train in its rows. The advice follows what is known: a rate can only spoil a run that has made
/// an
/// update, so before the first one the numbers of the model or of the machine are at fault.
final class SkippedSteps {
  private static final int MOST = 10; // in a row

  private int all;
  private int empty;
  private int finiteLosses;
  private int inARow;

  /// Takes a step, skipped or made.
  void take(Trainer.Result r) {
    if (!r.skipped()) {
      inARow = 0;
      return;
    }
    all++;
    if (r.trainedTokens() == 0) {
      empty++;
      inARow = 0;
    } else {
      inARow++;
      finiteLosses += Double.isFinite(r.loss()) ? 1 : 0;
    }
  }

  int count() {
    return all;
  }

  /// Whether the last step was skipped for its numbers.
  boolean isLast() {
    return inARow > 0;
  }

  /// Whether so many followed each other that the run ends.
  boolean tooMany() {
    return inARow == MOST;
  }

  /// Why the last step was skipped.
  static String reason(Trainer.Result r) {
    if (r.trainedTokens() == 0) {
      return "nothing is left to train in its rows";
    }
    return (Double.isFinite(r.loss()) ? "its gradient" : "its loss") + " is not a finite number";
  }

  /// The failure of a run without a single update.
  ///
  /// @param fp32 whether it computed in fp32
  RunException nothingMade(boolean fp32) {
    if (empty == all) {
      return new RunException(
          "nothing was trained in %d steps: all their rows are cut before their completion; nothing is saved; raise --max-length"
              .formatted(all));
    }
    String what =
        finiteLosses == all - empty
            ? "the loss was finite and its gradient was not"
            : "the loss was not finite";
    return new RunException(
        "%s in any of %d steps, so nothing was trained and nothing is saved; %s"
            .formatted(
                what,
                all,
                fp32
                    ? "no --learning-rate mends that: the model's weights may hold NaN or Inf, which nudge score tells, or nudge doctor says what is wrong with this machine"
                    : "no --learning-rate mends that: try --compute fp32, and see what nudge doctor says of this machine"));
  }

  /// What a run that has diverged leaves.
  static String kept(boolean saved) {
    return saved ? "the best so far is kept" : "nothing is saved";
  }

  /// The failure of a run that has made updates before.
  ///
  /// @param kept whether one of them was saved
  /// @param clipped whether gradients are clipped
  RunException diverged(boolean kept, boolean clipped) {
    return new RunException(
        "the loss was not finite for %d steps in a row; %s; lower --learning-rate%s"
            .formatted(MOST, kept(kept), clipped ? "" : ", or leave --max-grad-norm at 1"));
  }
}
