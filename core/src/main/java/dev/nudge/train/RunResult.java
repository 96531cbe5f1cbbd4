package dev.nudge.train;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Says how a run ended, what it came to, and where that lies.
///
/// @param state `FINISHED`, or `STOPPED` where it was cancelled or interrupted; one that was
/// stopped
///     before an update saves nothing
/// @param id of the run, as `run.json` has it
/// @param out folder of the run
/// @param steps made, skipped ones counted
/// @param skippedSteps steps whose loss or gradient was no finite number, or that had nothing to
///     train
/// @param tokens of all steps
/// @param trainedTokens of all steps
/// @param seconds of the whole run, loading apart
/// @param firstLoss mean loss a trained token of the first step; null where none was finite
/// @param lastLoss the same of the last step
/// @param evalLossBefore held-out loss before training; null without held-out rows
/// @param evalLossBest the lowest held-out loss after training began; null where none was taken
/// @param bestStep the step after which that was; null likewise
/// @param stoppedEarly whether it ended before its planned steps because --patience was at its end
/// @param divergedStep the first step at which it was seen to diverge; null where it was not
public record RunResult(
    RunState state,
    String id,
    Path out,
    int steps,
    int skippedSteps,
    long tokens,
    long trainedTokens,
    double seconds,
    @Nullable Double firstLoss,
    @Nullable Double lastLoss,
    @Nullable Double evalLossBefore,
    @Nullable Double evalLossBest,
    @Nullable Integer bestStep,
    boolean stoppedEarly,
    @Nullable Integer divergedStep) {

  /// The folder of what to use: the adapter, or with full fine-tuning the model, that was best on
  /// held-out rows, else the last.
  public Path best() {
    return out;
  }

  /// The folder of what stood at the end; the same as [#best] where the last step was the best.
  public Path last() {
    Integer best = bestStep;
    return best == null || best == steps ? out : out.resolve(RunFolder.LAST);
  }

  /// The file with a line of JSON for each step.
  public Path metrics() {
    return out.resolve(RunFolder.METRICS);
  }

  /// The file with settings, plan and totals as JSON.
  public Path record() {
    return out.resolve(RunFolder.RUN);
  }

  /// What `run.json` has as `totals`.
  Map<String, @Nullable Object> totals() {
    Map<String, @Nullable Object> totals = new LinkedHashMap<>();
    totals.put("steps", steps);
    totals.put("skipped_steps", skippedSteps);
    totals.put("tokens", tokens);
    totals.put("trained_tokens", trainedTokens);
    totals.put("seconds", seconds);
    totals.put("first_loss", firstLoss);
    totals.put("last_loss", lastLoss);
    totals.put("eval_loss_before", evalLossBefore);
    totals.put("eval_loss_best", evalLossBest);
    totals.put("best_step", bestStep);
    totals.put("stopped_early", stoppedEarly);
    totals.put("diverged_step", divergedStep);
    return totals;
  }
}
