package dev.nudge.settings.train;

import dev.nudge.settings.Withers;
import java.util.List;

/// Withers for the monitoring of a run.
///
/// @param <S> the record that holds them
public interface WatchWithers<S extends Record> extends Withers<S> {
  /// The patience of early stopping: held-out losses without a new lowest.
  default S withPatience(int losses) {
    return with("patience", losses);
  }

  /// The prompts to answer at each held-out loss.
  default S withSamplePrompt(String... prompts) {
    return with("sample_prompt", List.of(prompts));
  }

  /// The number of held-out rows whose prompts are answered at each held-out loss.
  default S withSamples(int rows) {
    return with("samples", rows);
  }

  /// The most tokens of such an answer.
  default S withSampleTokens(int tokens) {
    return with("sample_tokens", tokens);
  }

  /// The reaction to divergence.
  default S withOnDivergence(OnDivergence what) {
    return with("on_divergence", what);
  }

  /// The command to start at events.
  default S withOnEvent(String command) {
    return with("on_event", command);
  }
}
