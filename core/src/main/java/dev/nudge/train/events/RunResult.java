package dev.nudge.train.events;

import dev.nudge.format.RunFiles;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The result of a run: its state, losses, totals and folders.
///
/// @param state `FINISHED`, or `STOPPED` if it was cancelled or interrupted; a run that was stopped
///     before its first update saves nothing
/// @param id of the run, as in `run.json`
/// @param out folder of the run
/// @param steps made, skipped steps included
/// @param skippedSteps steps whose loss or gradient was not finite, or without labelled tokens
/// @param tokens of all steps
/// @param trainedTokens labelled tokens of all steps
/// @param seconds of the whole run, without loading
/// @param firstLoss mean loss of the first step per labelled token; null if none was finite
/// @param lastLoss mean loss of the last step, likewise
/// @param evalLossBefore held-out loss before training; null without held-out rows
/// @param evalLossBest the lowest held-out loss after training began; null: none was computed
/// @param bestStep the step of that loss; null likewise
/// @param stoppedEarly whether the run ended before its planned steps because of --patience
/// @param divergedStep the first step at which divergence was detected; null: none
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

  /// The folder of the best adapter (or model, with full fine-tuning) on held-out rows, else of the
  /// last.
  public Path best() {
    return out;
  }

  /// The folder of the last adapter or model; the same as [#best] if the last step was the best.
  public Path last() {
    Integer best = bestStep;
    return best == null || best == steps ? out : out.resolve(RunFiles.LAST);
  }

  /// The file with a line of JSON for each step.
  public Path metrics() {
    return out.resolve(RunFiles.METRICS);
  }

  /// The file with settings, plan and totals as JSON.
  public Path record() {
    return out.resolve(RunFiles.RUN);
  }

  /// The keys of `totals` in `run.json`.
  public Map<String, @Nullable Object> totals() {
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
