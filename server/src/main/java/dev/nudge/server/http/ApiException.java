package dev.nudge.server.http;

import dev.nudge.chat.FieldException;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// An error response: an HTTP status and the four fields of OpenAI's error body.
///
/// OpenAI's clients retry on 408, 409, 429 and 5xx unless told otherwise, so each error states if a
/// retry is useful.
public final class ApiException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private static final String INVALID = "invalid_request_error";

  private final int status;
  private final String type;
  private final @Nullable String param;
  private final @Nullable String code;
  private final int retryAfter; // seconds; 0: a retry is useless

  /// @param param the wrong field of the body; null: none
  /// @param code machine-readable code; null: none
  /// @param retryAfter seconds until a retry makes sense; 0: never
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

  /// 400: a field of the body is wrong.
  public static ApiException wrong(@Nullable String param, String message) {
    return new ApiException(400, INVALID, param, "invalid_value", 0, message);
  }

  /// 400: a required field is missing.
  public static ApiException missing(String param, String message) {
    return new ApiException(400, INVALID, param, "missing", 0, message);
  }

  /// 404: there is no model of that name.
  public static ApiException noModel(String model) {
    return new ApiException(
        404,
        INVALID,
        "model",
        "model_not_found",
        0,
        "there is no model '%s'; GET /v1/models lists what there is".formatted(shown(model)));
  }

  /// 404: there is no such route.
  public static ApiException unknownUrl(String message) {
    return new ApiException(404, INVALID, null, "unknown_url", 0, message);
  }

  /// 400: a text exceeds the model's context length.
  public static ApiException tooLong(String param, String message) {
    return new ApiException(400, INVALID, param, "context_length_exceeded", 0, message);
  }

  /// 403: the client has no permission.
  public static ApiException forbidden(@Nullable String param, String code, String message) {
    return new ApiException(403, "permission_error", param, code, 0, message);
  }

  /// 401: the API key is missing or unknown.
  public static ApiException unauthorized(String message) {
    return new ApiException(401, INVALID, null, "invalid_api_key", 0, message);
  }

  /// 429: a rate limit or a full queue.
  public static ApiException busy(String code, int seconds, String message) {
    return new ApiException(429, "rate_limit_error", null, code, Math.max(1, seconds), message);
  }

  /// 504: the answer took longer than `--request-timeout`.
  public static ApiException late(int seconds) {
    return new ApiException(
        504,
        "timeout_error",
        null,
        "request_timeout",
        0,
        "the answer took more than %d seconds".formatted(seconds));
  }

  /// 503: the server is shutting down.
  public static ApiException stopping() {
    return new ApiException(
        503, "service_unavailable", null, "stopping", 5, "the server is being stopped");
  }

  /// 500: an internal error.
  public static ApiException internal(String message) {
    return new ApiException(500, "server_error", null, "internal_error", 0, message);
  }

  /// Truncates text from a client, so that an error repeats at most a line.
  public static String shown(String text) {
    return FieldException.shown(text);
  }

  public int status() {
    return status;
  }

  public @Nullable String code() {
    return code;
  }

  /// Seconds until a retry makes sense; 0: never.
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
