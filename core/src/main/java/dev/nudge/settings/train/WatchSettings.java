package dev.nudge.settings.train;

import dev.nudge.settings.Check;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Setting;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Monitoring of a run: early stopping, sample answers, divergence and events.
///
/// @param patience held-out losses without a new lowest before early stopping; null: never
/// @param samplePrompt prompts to answer at each held-out loss
/// @param samples number of held-out rows whose prompts are answered likewise, the first that have
///     one
/// @param sampleTokens most tokens of an answer
/// @param onEvent command to start at events; null: none
public record WatchSettings(
    @Setting(
            help = "held-out losses without a new lowest after which the run ends (default: never)")
        @Nullable Integer patience,
    @Setting(help = "prompt to answer at each held-out loss; may be given several times")
        List<String> samplePrompt,
    @Setting(
            help = "answer the prompts of so many held-out rows at each held-out loss",
            byDefault = "0")
        int samples,
    @Setting(help = "most tokens of such an answer", byDefault = "64") int sampleTokens,
    @Setting(help = "where the run diverges: say so, or end it", byDefault = "warn")
        OnDivergence onDivergence,
    @Setting(help = "command to start at events, each as JSON on its standard input", label = "CMD")
        @Nullable String onEvent) {

  public WatchSettings {
    Check.atLeast("--patience", patience, 1);
    samplePrompt = List.copyOf(samplePrompt);
    samplePrompt.forEach(prompt -> Check.notEmpty("--sample-prompt", prompt));
    Check.atLeast("--samples", samples, 0);
    Check.atLeast("--sample-tokens", sampleTokens, 1);
    Check.notBlank("--on-event", onEvent);
  }

  /// Refuses samples of a reward model.
  void check(ObjectiveName objective) {
    if (objective.givesScores() && (samples > 0 || !samplePrompt.isEmpty())) {
      throw new InputException(
          "%s is given with --objective reward, whose model gives a number and no answer; leave one out"
              .formatted(samples > 0 ? "--samples" : "--sample-prompt"));
    }
  }

  /// Refuses settings that need missing held-out rows.
  void check(EvalSettings eval) {
    if (eval.any()) {
      return;
    }
    String flag =
        patience != null
            ? "--patience"
            : !samplePrompt.isEmpty() ? "--sample-prompt" : samples > 0 ? "--samples" : null;
    if (flag != null) {
      throw new InputException(
          flag
              + " is given without held-out rows, "
              + (patience != null ? "whose loss it counts" : "at whose loss prompts are answered")
              + "; add --eval-data or --eval-split");
    }
  }
}
