package dev.nudge.settings;

import java.util.List;

/// Changes what is looked at while a run is made.
///
/// @param <S> the record that holds them
public interface WatchWithers<S extends Record> extends Withers<S> {
  /// Held-out losses without a new lowest after which the run ends.
  default S withPatience(int losses) {
    return with("patience", losses);
  }

  /// Prompts to answer at each held-out loss.
  default S withSamplePrompt(String... prompts) {
    return with("sample_prompt", List.of(prompts));
  }

  /// Held-out rows whose prompts are answered at each held-out loss.
  default S withSamples(int rows) {
    return with("samples", rows);
  }

  /// Most tokens of such an answer.
  default S withSampleTokens(int tokens) {
    return with("sample_tokens", tokens);
  }

  /// What follows where the run diverges.
  default S withOnDivergence(OnDivergence what) {
    return with("on_divergence", what);
  }

  /// A command to start at events.
  default S withOnEvent(String command) {
    return with("on_event", command);
  }
}
