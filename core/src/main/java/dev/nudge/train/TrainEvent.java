package dev.nudge.train;

import java.nio.file.Path;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Tells what happens in a run, in order: rows made into tokens, started, planned, steps with
/// held-out losses and their samples between them, saved, finished; or failed. Warnings and signs
/// that it diverges come when they are seen.
///
/// Threading: all events of a run come from the thread that called it, never two at a time.
public sealed interface TrainEvent {

  /// Listens to the steps alone.
  static Consumer<TrainEvent> steps(Consumer<Step> listener) {
    return event -> {
      if (event instanceof Step step) {
        listener.accept(step);
      }
    };
  }

  /// Rows are made into tokens, before all else; not told of those that were made before.
  ///
  /// @param rows so far
  /// @param tokens so far
  /// @param share of the files, about; 1 at the end
  /// @param seconds so far
  record Tokenised(long rows, long tokens, double share, double seconds) implements TrainEvent {}

  /// Everything is loaded and the first step comes.
  ///
  /// @param run its id
  /// @param out its folder
  /// @param done steps that were made before, where it goes on
  /// @param steps of the whole run
  /// @param evaluations held-out losses to come, that before the first step not counted
  record Started(String run, Path out, int done, int steps, int evaluations)
      implements TrainEvent {}

  /// Tells one line of how rows are read or of the frozen plan, before the first step.
  record Planned(String line) implements TrainEvent {}

  /// Tells one line of the frozen plan's layout, for those who know the machine, behind the others.
  record Layout(String line) implements TrainEvent {}

  /// An optimiser step. Values are those of the step, not running totals.
  ///
  /// @param step from 1
  /// @param steps of the whole run
  /// @param loss before the update, by supervised fine-tuning the mean over the step's trained
  ///     tokens; NaN when the step was skipped
  /// @param lr the rate used
  /// @param gradNorm before clipping
  /// @param tokens all real tokens
  /// @param seconds wall time of the step
  /// @param rssAnonMb anonymous memory of the process in MiB; NaN where it cannot be read
  /// @param figures what the run's [Objective] reports beside the loss, by name
  record Step(
      int step,
      int steps,
      double loss,
      double lr,
      double gradNorm,
      long tokens,
      long trainedTokens,
      double seconds,
      double tokensPerSecond,
      double rssAnonMb,
      Map<String, Double> figures)
      implements TrainEvent {}

  /// A held-out loss after `step` steps; `best` if it is the lowest since training began.
  ///
  /// @param seconds that it took, prompts answered with it
  record Evaluated(int step, double loss, long tokens, boolean best, double seconds)
      implements TrainEvent {}

  /// A prompt answered with the likeliest tokens after `step` steps.
  record Sampled(int step, String prompt, String completion) implements TrainEvent {}

  /// A sign that the run diverges, told once for each cause.
  ///
  /// @param line what was seen, and what helps
  record Diverged(int step, Cause cause, String line) implements TrainEvent {
    /// What was seen.
    public enum Cause {
      /// The loss has been above its start for long.
      LOSS,
      /// The loss or its gradient was no finite number, several times in a row.
      NOT_FINITE,
      /// The gradient's norm is far above what it was.
      GRADIENT_NORM
    }
  }

  /// Something the user should know, one line.
  record Warning(String line) implements TrainEvent {}

  /// A folder was written.
  record Saved(Path folder) implements TrainEvent {}

  /// The run has ended and everything is on disk.
  ///
  /// @param steps that were made
  /// @param seconds wall time since the first step began
  /// @param bestLoss lowest held-out loss after training began; null without held-out rows
  /// @param early why it ended well before its planned steps, in a few words; null where it did not
  record Finished(
      RunState state,
      int steps,
      long trainedTokens,
      double seconds,
      @Nullable Double bestLoss,
      @Nullable String early)
      implements TrainEvent {}

  /// The run has failed; what it had saved is kept. The failure itself is thrown behind it.
  record Failed(int step, String line) implements TrainEvent {}
}
