package dev.nudge.generate;

/// What a request took.
///
/// @param promptTokens tokens of the prompt, counted once
/// @param completionTokens tokens of all answers, end tokens included
/// @param cachedTokens tokens of the prompt whose keys were there already
/// @param queueSeconds from the start to the moment when the first answer had room
/// @param firstTokenSeconds from the start to the first token
/// @param gaps each time between two tokens of an answer
/// @param seconds from the start to the end
public record Usage(
    int promptTokens,
    int completionTokens,
    int cachedTokens,
    double queueSeconds,
    double firstTokenSeconds,
    Gaps gaps,
    double seconds) {}
