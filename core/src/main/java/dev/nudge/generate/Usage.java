package dev.nudge.generate;

/// Token counts and latencies of a request.
///
/// @param promptTokens tokens of the prompt, counted once
/// @param completionTokens tokens of all answers, end tokens included
/// @param cachedTokens tokens of the prompt that were found in the prefix cache
/// @param queueSeconds from the start until the first answer was admitted
/// @param firstTokenSeconds time to first token, from the start
/// @param gaps inter-token latencies of all answers
/// @param seconds from the start to the end
public record Usage(
    int promptTokens,
    int completionTokens,
    int cachedTokens,
    double queueSeconds,
    double firstTokenSeconds,
    Gaps gaps,
    double seconds) {
  /// No tokens.
  public static final Usage NONE = ofPrompt(0);

  /// Usage of a prompt without an answer.
  public static Usage ofPrompt(int tokens) {
    return new Usage(tokens, 0, 0, 0, 0, new Gaps(), 0);
  }

  /// Copies it with a number of completion tokens.
  public Usage withCompletionTokens(int tokens) {
    return new Usage(
        promptTokens, tokens, cachedTokens, queueSeconds, firstTokenSeconds, gaps, seconds);
  }
}
