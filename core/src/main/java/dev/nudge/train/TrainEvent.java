package dev.nudge.train;

import java.nio.file.Path;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Tells what happens in a run, in order: planned, steps with held-out losses between them, saved,
/// finished.
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

  /// Tells one line of how rows are read or of the frozen plan, before the first step.
  record Planned(String line) implements TrainEvent {}

  /// An optimiser step. Values are those of the step, not running totals.
  ///
  /// @param step from 1
  /// @param steps of the whole run
  /// @param loss mean over the step's trained tokens, before the update; NaN when the step was
  ///     skipped
  /// @param lr the rate used
  /// @param gradNorm before clipping
  /// @param tokens all real tokens
  /// @param seconds wall time of the step
  /// @param rssAnonMb anonymous memory of the process in MiB; NaN where it cannot be read
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
      double rssAnonMb)
      implements TrainEvent {}

  /// A held-out loss after `step` steps; `best` if it is the lowest since training began.
  record Evaluated(int step, double loss, long tokens, boolean best) implements TrainEvent {}

  /// Something the user should know, one line.
  record Warning(String line) implements TrainEvent {}

  /// A folder was written.
  record Saved(Path folder) implements TrainEvent {}

  /// The run has ended and everything is on disk.
  ///
  /// @param steps that were made
  /// @param seconds wall time since the first step began
  /// @param bestLoss lowest held-out loss after training began; null without held-out rows
  record Finished(
      RunState state, int steps, long trainedTokens, double seconds, @Nullable Double bestLoss)
      implements TrainEvent {}
}
