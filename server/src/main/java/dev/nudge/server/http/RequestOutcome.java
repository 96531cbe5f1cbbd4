package dev.nudge.server.http;

import dev.nudge.generate.Usage;
import org.jspecify.annotations.Nullable;

/// The outcome of a request, for audit log and metrics.
///
/// @param route such as `POST /v1/chat/completions`
/// @param code of the error; null: none
/// @param model name in the request; null: none
/// @param served the adapter that answered; null: none
/// @param finish finish reason of the first choice; null: no choice
/// @param seconds from the first byte of the request to the last of the response
public record RequestOutcome(
    String requestId,
    String client,
    String remote,
    String route,
    int status,
    @Nullable String code,
    @Nullable String model,
    @Nullable Served served,
    Usage usage,
    @Nullable String finish,
    double seconds) {}
