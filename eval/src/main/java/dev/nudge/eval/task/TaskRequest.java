package dev.nudge.eval.task;

/// A request to a model: log-likelihood, rolling log-likelihood or generation.
public sealed interface TaskRequest {

  /// Returns the context or prompt; for a rolling request the whole text.
  String first();

  /// The log-likelihood of a continuation given a context.
  record Likelihood(String context, String continuation) implements TaskRequest {
    @Override
    public String first() {
      return context;
    }
  }

  /// The log-likelihood of a text of any length.
  record Rolling(String text) implements TaskRequest {
    @Override
    public String first() {
      return text;
    }
  }

  /// Text generated after a prompt.
  ///
  /// @param repeats number of generations
  record Generate(String context, GenerationKwargs how, int repeats) implements TaskRequest {
    @Override
    public String first() {
      return context;
    }
  }
}
