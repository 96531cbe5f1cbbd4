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
    double seconds) {}
