package dev.nudge.server.http;

import dev.nudge.format.Json;
import dev.nudge.format.JsonMistake;
import io.helidon.webserver.http.ServerRequest;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.node.ObjectNode;

/// Reads a request body as a JSON object, with limits of size and time.
final class RequestBody {
  private static final int SECONDS = 30;

  private RequestBody() {}

  /// @param incoming null: no time limit
  /// @param most bytes
  /// @param close called if the rest of the body is not read
  /// @throws ApiException if the body is no object, or too large
  static Fields read(
      ServerRequest request, @Nullable Incoming incoming, long most, Runnable close) {
    byte[] bytes = bytes(request, incoming, most, close);
    if (bytes.length == 0) {
      throw ApiException.wrong(null, "the body is empty; it must be a JSON object");
    }
    try {
      if (Json.parseStrictly(bytes) instanceof ObjectNode object) {
        return new Fields(object);
      }
      throw ApiException.wrong(null, "the body is no JSON object");
    } catch (JacksonException e) {
      String place = JsonMistake.place(e);
      throw ApiException.wrong(
          null,
          "the body is not JSON"
              + (place.isEmpty() ? "" : ", " + place)
              + ": "
              + JsonMistake.of(e));
    }
  }

  private static byte[] bytes(
      ServerRequest request, @Nullable Incoming incoming, long most, Runnable close) {
    if (!request.content().hasEntity()) {
      return new byte[0];
    }
    if (incoming != null) {
      incoming.within(SECONDS);
    }
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    byte[] part = new byte[1 << 13];
    try (InputStream in = request.content().inputStream()) {
      for (int n = in.read(part); n >= 0; n = in.read(part)) {
        all.write(part, 0, n);
        if (all.size() > most) {
          close.run();
          throw new ApiException(
              413,
              "invalid_request_error",
              null,
              "body_too_large",
              0,
              "the body has more than %d bytes, the most of this server".formatted(most));
        }
      }
    } catch (IOException | UncheckedIOException e) {
      throw new Exchange.Gone(e);
    } finally {
      if (incoming != null) {
        incoming.complete();
      }
    }
    return all.toByteArray();
  }
}
