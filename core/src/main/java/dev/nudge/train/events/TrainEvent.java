package dev.nudge.train.events;

import java.nio.file.Path;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// An event of a run, for listeners. In order: tokenised, started, planned, the reference scored,
/// steps with held-out losses and samples between them, saved, finished; or failed. Warnings and
/// divergence come at any time.
///
/// Threading: all events of a run come from the thread that called it, one at a time.
public sealed interface TrainEvent {

  /// Returns a listener that receives only the steps.
  static Consumer<TrainEvent> steps(Consumer<Step> listener) {
    return event -> {
      if (event instanceof Step step) {
        listener.accept(step);
      }
    };
  }

  /// Progress of tokenisation, before all else; rows from the token cache are not reported.
  ///
  /// @param rows so far
  /// @param tokens so far
  /// @param share of the files, approximately; 1 at the end
  /// @param seconds so far
  record Tokenised(long rows, long tokens, double share, double seconds) implements TrainEvent {}

  /// Everything is loaded; the first step follows.
  ///
  /// @param run id of the run
  /// @param out folder of the run
  /// @param done steps made before, if the run is resumed
  /// @param steps of the whole run
  /// @param evaluations number of held-out losses to come, without the one before the first step
  record Started(String run, Path out, int done, int steps, int evaluations)
      implements TrainEvent {}

  /// One line on how rows are read or on the plan, before the first step.
  record Planned(String line) implements TrainEvent {}

  /// One line on the plan's layout (lanes, checkpointing), after the other lines.
  record Layout(String line) implements TrainEvent {}

  /// Progress of the reference's log-probabilities, for objectives that use it, before the first
  /// step.
  ///
  /// @param sequences so far
  /// @param all sequences to score
  /// @param seconds so far
  record Referenced(long sequences, long all, double seconds) implements TrainEvent {}

  /// An optimiser step. Values are those of the step, not running totals.
  ///
  /// @param step from 1
  /// @param steps of the whole run
  /// @param loss before the update; in supervised fine-tuning the mean over the step's labelled
  ///     tokens; NaN if the step was skipped
  /// @param lr learning rate
  /// @param gradNorm before clipping
  /// @param tokens all tokens, without padding
  /// @param seconds wall time of the step
  /// @param rssAnonMb anonymous memory of the process in MiB; NaN if it cannot be read
  /// @param figures metrics of the run's `Objective` besides the loss, by name
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
  /// @param seconds of the evaluation, sample prompts included
  /// @param figures metrics of the run's `Objective` besides the loss, by name
  record Evaluated(
      int step, double loss, long tokens, boolean best, double seconds, Map<String, Double> figures)
      implements TrainEvent {
    /// A loss without figures.
    public Evaluated(int step, double loss, long tokens, boolean best, double seconds) {
      this(step, loss, tokens, best, seconds, Map.of());
    }
  }

  /// The greedy answer to a sample prompt after `step` steps.
  record Sampled(int step, String prompt, String completion) implements TrainEvent {}

  /// A sign that the run diverges; reported once for each cause.
  ///
  /// @param line the sign, and advice
  record Diverged(int step, Cause cause, String line) implements TrainEvent {
    /// The kind of sign.
    public enum Cause {
      /// The loss has been above the initial loss for many steps.
      LOSS,
      /// The loss or its gradient was not finite, several times in a row.
      NOT_FINITE,
      /// The gradient norm is far above its median.
      GRADIENT_NORM
    }
  }

  /// A warning for the user, one line.
  record Warning(String line) implements TrainEvent {}

  /// An adapter or model was saved in a folder.
  record Saved(Path folder) implements TrainEvent {}

  /// The run has ended and all files are on disk.
  ///
  /// @param steps made
  /// @param seconds wall time since the first step began
  /// @param bestLoss lowest held-out loss after training began; null without held-out rows
  /// @param early why it ended before its planned steps, in a few words; null if it did not
  record Finished(
      RunState state,
      int steps,
      long trainedTokens,
      double seconds,
      @Nullable Double bestLoss,
      @Nullable String early)
      implements TrainEvent {}

  /// The run has failed; earlier saves are kept. The exception is thrown after this event.
  record Failed(int step, String line) implements TrainEvent {
    public static Failed of(int step, Throwable cause) {
      String said = cause.getMessage();
      return new Failed(step, said == null ? cause.toString() : said);
    }
  }
}
