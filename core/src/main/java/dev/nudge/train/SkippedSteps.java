package dev.nudge.train;

import dev.nudge.settings.Count;
import dev.nudge.settings.DivergedException;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/// Counts skipped steps, and decides when they end a run.
///
/// A step is skipped if its loss or gradient is NaN or infinite. A step without labelled tokens is
/// skipped too, but says nothing about the numbers: it neither counts towards ending the run nor
/// resets that count. The advice depends on what is known: a learning rate can spoil a run only
/// after its first update; before it, the model's weights or the machine are at fault.
final class SkippedSteps {
  private static final int MOST = 10; // in a row

  private int all;
  private int empty;
  private int inARow;
  private int finiteLosses; // of those in a row

  /// Counts a step, skipped or made.
  void take(Trainer.Result r) {
    if (!r.skipped()) {
      inARow = 0;
      finiteLosses = 0;
      return;
    }
    all++;
    if (r.trainedTokens() == 0) {
      empty++;
    } else {
      inARow++;
      finiteLosses += Double.isFinite(r.loss()) ? 1 : 0;
    }
  }

  int count() {
    return all;
  }

  /// The counts, as a checkpoint holds them.
  Map<String, Integer> values() {
    Map<String, Integer> values = new LinkedHashMap<>();
    values.put("all", all);
    values.put("empty", empty);
    values.put("in_a_row", inARow);
    values.put("finite_losses", finiteLosses);
    return values;
  }

  /// Restores the counts of a checkpoint.
  static SkippedSteps of(JsonNode values) {
    SkippedSteps skipped = new SkippedSteps();
    skipped.all = values.path("all").asInt(0);
    skipped.empty = values.path("empty").asInt(0);
    skipped.inARow = values.path("in_a_row").asInt(0);
    skipped.finiteLosses = values.path("finite_losses").asInt(0);
    return skipped;
  }

  /// Whether the last step with labelled tokens was skipped because it was not finite.
  boolean isLast() {
    return inARow > 0;
  }

  /// Steps since the last update that were skipped because they were not finite.
  int sinceUpdate() {
    return inARow;
  }

  /// Whether enough steps in a row were skipped to end the run.
  boolean tooMany() {
    return inARow == MOST;
  }

  /// Why the last step was skipped.
  static String reason(Trainer.Result r) {
    if (r.trainedTokens() == 0) {
      return "its rows are one token each, which leaves nothing to train";
    }
    return (Double.isFinite(r.loss()) ? "its gradient" : "its loss") + " is not a finite number";
  }

  /// The error of a run without a single update.
  ///
  /// @param fp32 whether it computed in fp32
  DivergedException nothingMade(boolean fp32) {
    if (empty == all) {
      return new DivergedException(
          "nothing was trained in %s: each row is one token, which leaves nothing to train; nothing is saved; take such rows out of --data, or give more --steps"
              .formatted(Count.of(all, "step")));
    }
    return new DivergedException(
        "%s in any of %s, so nothing was trained and nothing is saved; %s"
            .formatted(
                notFinite(),
                Count.of(inARow, "step"), // all but the empty ones
                fp32
                    ? "a lower --learning-rate does not help: the model's weights may hold NaN or Inf; check them with nudge score, and this machine with nudge doctor"
                    : "a lower --learning-rate does not help: try --compute fp32, and check this machine with nudge doctor"));
  }

  /// What was not finite (loss or gradient) in the steps since the last update.
  private String notFinite() {
    if (finiteLosses == 0) {
      return "the loss was not finite";
    }
    return finiteLosses == inARow
        ? "the loss was finite but its gradient was not"
        : "the loss or its gradient was not finite";
  }

  /// Describes a diverged run's saved files.
  static String kept(boolean saved) {
    return saved ? "the best so far is kept" : "nothing is saved";
  }

  /// The error of a run that diverged after some updates.
  ///
  /// @param kept whether a save exists
  /// @param clipped whether gradients are clipped
  DivergedException diverged(boolean kept, boolean clipped) {
    return new DivergedException(
        "%s for %d steps in a row; %s; lower --learning-rate%s"
            .formatted(
                notFinite(), MOST, kept(kept), clipped ? "" : ", or leave --max-grad-norm at 1"));
  }
}
