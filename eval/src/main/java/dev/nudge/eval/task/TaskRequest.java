package dev.nudge.eval.task;

/// What is asked of a model.
public sealed interface TaskRequest {

  /// The text before what is asked for; of a rolling one all of it.
  String first();

  /// How likely a text is behind another.
  record Likelihood(String context, String continuation) implements TaskRequest {
    @Override
    public String first() {
      return context;
    }
  }

  /// How likely a text of any length is.
  record Rolling(String text) implements TaskRequest {
    @Override
    public String first() {
      return text;
    }
  }

  /// What is said behind a text.
  ///
  /// @param repeats how often it is asked
  record Generate(String context, GenerationKwargs how, int repeats) implements TaskRequest {
    @Override
    public String first() {
      return context;
    }
  }
}
