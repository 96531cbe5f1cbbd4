package dev.nudge.runs;

import dev.nudge.format.Json;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// A client of the REST API [1] of an MLflow tracking server.
///
/// User and password in the address are sent as basic authentication and never printed.
///
/// [1] https://mlflow.org/docs/latest/rest-api.html
final class Mlflow implements AutoCloseable {
  private static final Duration CONNECT = Duration.ofSeconds(10);
  private static final Duration ANSWER = Duration.ofSeconds(60);
  private static final int SHOWN = 200; // characters of an answer

  /// The server's answer for a missing resource.
  static final class NotFound extends RuntimeException {
    private static final long serialVersionUID = 1L;

    NotFound(String message) {
      super(message);
    }
  }

  private final HttpClient client =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(CONNECT)
          .followRedirects(HttpClient.Redirect.NEVER)
          .build();
  private final String address; // without user and password
  private final @Nullable String authorization;

  private Mlflow(String address, @Nullable String authorization) {
    this.address = address;
    this.authorization = authorization;
  }

  /// Parses the address of a server; nothing is sent yet.
  ///
  /// @throws InputException if the address is invalid
  static Mlflow at(String url) {
    URI uri;
    try {
      uri = new URI(url);
    } catch (URISyntaxException e) {
      throw wrong(url);
    }
    boolean http = "http".equals(uri.getScheme()) || "https".equals(uri.getScheme());
    if (!http
        || uri.getHost() == null
        || uri.getRawQuery() != null
        || uri.getRawFragment() != null) {
      throw wrong(url);
    }
    String user = uri.getUserInfo();
    String port = uri.getPort() < 0 ? "" : ":" + uri.getPort();
    String path = uri.getRawPath() == null ? "" : uri.getRawPath().replaceAll("/+$", "");
    return new Mlflow(
        uri.getScheme() + "://" + uri.getHost() + port + path,
        user == null
            ? null
            : "Basic " + Base64.getEncoder().encodeToString(user.getBytes(StandardCharsets.UTF_8)));
  }

  private static InputException wrong(String url) {
    boolean secret = url.contains("@"); // it may hold a password
    return new InputException(
        "--url is "
            + (secret ? "not an address" : "'" + url + "'")
            + "; it must be that of an MLflow server, such as http://localhost:5000");
  }

  JsonNode get(String what, String key, String value) {
    return send(
        what,
        request(what + "?" + key + "=" + URLEncoder.encode(value, StandardCharsets.UTF_8)).GET());
  }

  JsonNode post(String what, Map<String, ? extends @Nullable Object> body) {
    return send(
        what,
        request(what)
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(Json.line(body))));
  }

  private HttpRequest.Builder request(String what) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(address + "/api/2.0/mlflow/" + what)).timeout(ANSWER);
    return authorization == null ? request : request.header("Authorization", authorization);
  }

  private JsonNode send(String what, HttpRequest.Builder request) {
    HttpResponse<String> answer;
    try {
      answer =
          client.send(request.build(), HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
    } catch (HttpTimeoutException e) {
      throw new RunException(address + " does not answer in time; is it the right --url?", e);
    } catch (ConnectException e) {
      throw new RunException(
          "cannot connect to " + address + "; is an MLflow server running there?", e);
    } catch (IOException e) {
      throw new RunException("cannot talk to " + address + ": " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RunException("interrupted while talking to " + address, e);
    }
    JsonNode body = parsed(answer.body());
    if (answer.statusCode() / 100 == 2 && body != null) {
      return body;
    }
    String code = body == null ? "" : body.path("error_code").asString("");
    String said =
        "%s answers %s to %s%s"
            .formatted(
                address,
                answer.statusCode(),
                what,
                body == null
                    ? ", and not with JSON; is an MLflow server there?"
                    : ": " + oneLine(code + " " + body.path("message").asString("")));
    if (code.equals("RESOURCE_DOES_NOT_EXIST")) {
      throw new NotFound(said);
    }
    throw new RunException(said);
  }

  private static @Nullable JsonNode parsed(String body) {
    try {
      JsonNode json = Json.parse(body);
      return json.isObject() ? json : null;
    } catch (JacksonException e) {
      return null;
    }
  }

  private static String oneLine(String text) {
    String line = text.strip().replaceAll("\\s+", " ");
    return line.length() > SHOWN ? line.substring(0, SHOWN - 1) + "…" : line;
  }

  @Override
  public void close() {
    client.close();
  }
}
