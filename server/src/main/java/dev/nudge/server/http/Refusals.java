package dev.nudge.server.http;

import dev.nudge.format.Json;
import io.helidon.http.DirectHandler;
import io.helidon.http.DirectHandler.EventType;
import io.helidon.http.HeaderNames;
import io.helidon.http.ServerResponseHeaders;
import io.helidon.http.Status;
import io.helidon.webserver.http.DirectHandlers;
import java.nio.charset.StandardCharsets;

/// Error bodies for malformed HTTP requests.
public final class Refusals {
  private Refusals() {}

  public static DirectHandlers handlers() {
    DirectHandlers.Builder builder = DirectHandlers.builder();
    for (EventType type : EventType.values()) {
      builder.addHandler(type, Refusals::refuse);
    }
    return builder.build();
  }

  private static DirectHandler.TransportResponse refuse(
      DirectHandler.TransportRequest request,
      EventType type,
      Status status,
      ServerResponseHeaders headers,
      String message) {
    ApiException e =
        new ApiException(
            status.code(),
            status.code() < 500 ? "invalid_request_error" : "server_error",
            null,
            "bad_request",
            0,
            "the request cannot be read as HTTP: " + status.reasonPhrase());
    return DirectHandler.TransportResponse.builder()
        .status(status)
        .headers(headers)
        .header(HeaderNames.CONTENT_TYPE, "application/json")
        .header(HeaderNames.create("X-Should-Retry"), "false")
        .keepAlive(type.keepAlive())
        .entity(Json.line(e.body()).getBytes(StandardCharsets.UTF_8))
        .build();
  }
}
