package dev.nudge.server;

import dev.nudge.chat.FieldException;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// An error as a client is told it: a status, and the four fields of OpenAI's error body.
///
/// OpenAI's clients ask again at 408, 409, 429 and from 500 on unless they are told not to, so each
/// error says whether that makes sense.
public final class ApiException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private static final String INVALID = "invalid_request_error";

  private final int status;
  private final String type;
  private final @Nullable String param;
  private final @Nullable String code;
  private final int retryAfter; // seconds; 0: asking again is in vain

  /// @param param the field of the body that is wrong; null: none
  /// @param code a word for programs; null: none
  /// @param retryAfter seconds after which asking again makes sense; 0: never
  public ApiException(
      int status,
      String type,
      @Nullable String param,
      @Nullable String code,
      int retryAfter,
      String message) {
    super(message);
    this.status = status;
    this.type = type;
    this.param = param;
    this.code = code;
    this.retryAfter = retryAfter;
  }

  /// A field of the body is wrong.
  public static ApiException wrong(@Nullable String param, String message) {
    return new ApiException(400, INVALID, param, "invalid_value", 0, message);
  }

  /// A field of the body is needed and not there.
  public static ApiException missing(String param, String message) {
    return new ApiException(400, INVALID, param, "missing", 0, message);
  }

  /// There is no model of that name.
  public static ApiException noModel(String model) {
    return new ApiException(
        404,
        INVALID,
        "model",
        "model_not_found",
        0,
        "there is no model '%s'; GET /v1/models lists what there is".formatted(shown(model)));
  }

  /// There is nothing at that address.
  public static ApiException unknownUrl(String message) {
    return new ApiException(404, INVALID, null, "unknown_url", 0, message);
  }

  /// A text has more tokens than the model takes.
  public static ApiException tooLong(String param, String message) {
    return new ApiException(400, INVALID, param, "context_length_exceeded", 0, message);
  }

  /// The client may not.
  public static ApiException forbidden(@Nullable String param, String code, String message) {
    return new ApiException(403, "permission_error", param, code, 0, message);
  }

  /// The key is missing or unknown.
  public static ApiException unauthorized(String message) {
    return new ApiException(401, INVALID, null, "invalid_api_key", 0, message);
  }

  /// Too much at once.
  public static ApiException busy(String code, int seconds, String message) {
    return new ApiException(429, "rate_limit_error", null, code, Math.max(1, seconds), message);
  }

  /// The answer took longer than `--request-timeout` lets it.
  public static ApiException late(int seconds) {
    return new ApiException(
        504,
        "timeout_error",
        null,
        "request_timeout",
        0,
        "the answer took more than %d seconds".formatted(seconds));
  }

  /// Not now: the server is being stopped.
  public static ApiException stopping() {
    return new ApiException(
        503, "service_unavailable", null, "stopping", 5, "the server is being stopped");
  }

  /// Something that no client can mend went wrong.
  public static ApiException internal(String message) {
    return new ApiException(500, "server_error", null, "internal_error", 0, message);
  }

  /// Cuts what a client sent, so that an answer repeats no more than a line of it.
  static String shown(String text) {
    return FieldException.shown(text);
  }

  public int status() {
    return status;
  }

  public @Nullable String code() {
    return code;
  }

  /// Seconds after which asking again makes sense; 0: never.
  public int retryAfter() {
    return retryAfter;
  }

  /// The body: `{"error": {"message", "type", "param", "code"}}`.
  public ObjectNode body() {
    ObjectNode body = JsonNodeFactory.instance.objectNode();
    body.putObject("error")
        .put("message", getMessage())
        .put("type", type)
        .put("param", param)
        .put("code", code);
    return body;
  }
}
