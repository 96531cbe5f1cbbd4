package dev.nudge.cli.serve;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.nudge.format.Json;
import dev.nudge.format.Untrusted;
import dev.nudge.server.ServeSettings;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// Client for the experiments of a running server.
///
/// A 4xx answer of the server is a user error: exit code 2.
final class ExperimentsServer implements ExperimentsAt {
  private static final String PATH = "v1/experiments";
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final String url;
  private final @Nullable String key;
  private final Consumer<String> notes;

  private ExperimentsServer(String url, @Nullable String key, Consumer<String> notes) {
    this.url = url;
    this.key = key;
    this.notes = notes;
  }

  /// Creates a client without sending a request.
  ///
  /// @param notes receives a line that names the server
  /// @throws InputException if the URL is invalid, or the key cannot be read
  static ExperimentsServer of(String url, @Nullable Path adminKeyFile, Consumer<String> notes) {
    boolean fits = false;
    try {
      URI uri = URI.create(url);
      String scheme = String.valueOf(uri.getScheme());
      fits = scheme.matches("https?") && uri.getHost() != null && uri.getUserInfo() == null;
    } catch (IllegalArgumentException e) {
      // reported below
    }
    if (!fits) {
      throw new InputException(
          "--server is '" + url + "'; it must be a URL such as " + ServeSettings.URL);
    }
    return new ExperimentsServer(
        url.endsWith("/") ? url : url + "/",
        adminKeyFile == null ? null : key(adminKeyFile),
        notes);
  }

  private static String key(Path file) {
    try {
      String key = Files.readString(file).lines().findFirst().orElse("").strip();
      if (key.startsWith("sha256:")) {
        throw new InputException(
            "--admin-key-file "
                + file
                + " holds the digest of a key, which a server knows it by; give a file with the key"
                + " itself");
      }
      if (key.isEmpty() || !key.chars().allMatch(c -> c > ' ' && c < 127)) {
        throw new InputException(
            "--admin-key-file "
                + file
                + " has no key on its first line; it is printable ASCII without spaces");
      }
      return key;
    } catch (IOException e) {
      throw new InputException("--admin-key-file " + file + " cannot be read", e);
    }
  }

  /// Creates and starts an experiment.
  JsonNode create(JsonNode body) {
    return ask("POST", "", Json.line(body));
  }

  @Override
  public JsonNode list() {
    return ask("GET", "", null);
  }

  @Override
  public JsonNode show(String name) {
    return ask("GET", "/" + encoded(name), null);
  }

  @Override
  public JsonNode stop(String name, @Nullable String arm, String reason) {
    Map<String, String> body = new LinkedHashMap<>();
    if (arm != null) {
      body.put("arm", arm);
    }
    body.put("reason", reason);
    return ask("POST", "/" + encoded(name) + "/stop", Json.line(body));
  }

  private static String encoded(String name) {
    return URLEncoder.encode(name, UTF_8).replace("+", "%20");
  }

  private JsonNode ask(String method, String path, @Nullable String body) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(url + PATH + path))
            .timeout(PATIENCE)
            .header("Accept", "application/json")
            .method(
                method,
                body == null
                    ? HttpRequest.BodyPublishers.noBody()
                    : HttpRequest.BodyPublishers.ofString(body));
    if (body != null) {
      request.header("Content-Type", "application/json");
    }
    if (key != null) {
      request.header("Authorization", "Bearer " + key);
    }
    try (HttpClient client =
        HttpClient.newBuilder()
            .connectTimeout(PATIENCE)
            .version(HttpClient.Version.HTTP_1_1)
            .build()) {
      HttpResponse<String> response =
          client.send(request.build(), HttpResponse.BodyHandlers.ofString());
      notes.accept("asked " + url);
      return answer(response.statusCode(), response.body());
    } catch (ConnectException e) {
      throw new RunException(
          "--server " + url + ": nothing answers there; start nudge serve, or give its URL", e);
    } catch (IOException e) {
      String untrusted = Untrusted.why(e);
      boolean tls =
          url.startsWith("http:") && String.valueOf(e.getMessage()).contains("status line");
      String why =
          tls ? "it does not answer in HTTP; with TLS its URL begins with https:" : e.getMessage();
      throw new RunException("--server " + url + ": " + (untrusted == null ? why : untrusted), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RunException("interrupted while " + url + " was asked", e);
    }
  }

  private JsonNode answer(int status, String body) {
    JsonNode tree;
    try {
      tree = Json.parse(body);
    } catch (JacksonException e) {
      throw new RunException(
          "--server "
              + url
              + ": the answer, of status "
              + status
              + ", is no JSON; is it nudge serve?",
          e);
    }
    if (status / 100 == 2) {
      return tree;
    }
    String message = tree.at("/error/message").asString("status " + status);
    switch (status) {
      case 401, 403 ->
          throw new InputException(
              "--server "
                  + url
                  + (key != null
                      ? " refuses the key of --admin-key-file: " + message
                      : status == 401
                          ? " wants the admin key; give --admin-key-file"
                          : ": " + message));
      case 400, 404, 409, 422 -> throw new InputException(message);
      default -> throw new RunException("--server " + url + ": " + message);
    }
  }
}
