package dev.nudge.server;

import dev.nudge.generate.Gaps;
import org.jspecify.annotations.Nullable;

/// What came of a request.
///
/// @param route such as `POST /v1/chat/completions`
/// @param code of the error; null: none
/// @param model as the request names it; null: it names none
/// @param served what answered; null: nothing
/// @param finish why the first choice ended; null: there is none
/// @param seconds from its first byte to the answer's last
/// @param queueSeconds before its prompt was read
/// @param firstSeconds until its first token; 0: there is none
/// @param gaps each time between two tokens
public record RequestOutcome(
    String requestId,
    String client,
    String remote,
    String route,
    int status,
    @Nullable String code,
    @Nullable String model,
    @Nullable Served served,
    int promptTokens,
    int completionTokens,
    int cachedTokens,
    @Nullable String finish,
    double seconds,
    double queueSeconds,
    double firstSeconds,
    Gaps gaps) {}
