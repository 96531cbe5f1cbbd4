package dev.nudge.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.Goldens;
import dev.nudge.machine.Machine;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/// A server of a tiny model with two adapters, and a client that sends what a test writes down. As
/// an extension of a class it closes behind the last test, and no error may have been internal.
final class Place implements AfterAllCallback, AutoCloseable {
  static final Path MODEL = Goldens.MODEL;
  static final Path ONE = Goldens.ADAPTER;
  static final Path OTHER = Goldens.OTHER;
  static final Machine MACHINE = new Machine(2, 2L << 30, Backends.cache(), "test");
  static final ObjectMapper JSON = new ObjectMapper();

  final Server server;
  final List<String> warnings;
  private final HttpClient client = HttpClient.newHttpClient();

  /// A reply.
  record Reply(int status, HttpResponse<String> response) {
    JsonNode json() {
      return JSON.readTree(response.body());
    }

    String text() {
      return response.body();
    }

    String header(String name) {
      return response.headers().firstValue(name).orElse("");
    }

    /// What stands in an error body.
    String error(String field) {
      return json().path("error").path(field).asString("");
    }

    /// The events of a stream, but the last.
    List<JsonNode> events() {
      List<JsonNode> events = new ArrayList<>();
      for (String frame : response.body().split("\n\n", -1)) {
        if (frame.startsWith("data: {")) {
          events.add(JSON.readTree(frame.substring("data: ".length())));
        }
      }
      return events;
    }
  }

  private Place(Server server, List<String> warnings) {
    this.server = server;
    this.warnings = warnings;
  }

  /// Serves the base as `base`, and the adapters as `one` and `other`.
  static Place open(UnaryOperator<ServeSettings> changed) {
    return open(changed, Server::unextended);
  }

  static Place open(UnaryOperator<ServeSettings> changed, ServerExtension.Opener opener) {
    ServeSettings settings =
        ServeSettings.of(MODEL)
            .withServedModelName("base")
            .withAdapter("one=" + ONE, "other=" + OTHER)
            .withTemplate(Goldens.TEMPLATE.toString())
            .withRegistry(Path.of("target", "no-registry"))
            .withPort(0)
            .withThreads(2);
    List<String> warnings = Collections.synchronizedList(new ArrayList<>());
    return new Place(
        Server.start(changed.apply(settings), MACHINE, warnings::add, opener), warnings);
  }

  static Place open() {
    return open(UnaryOperator.identity());
  }

  URI url(String path) {
    return URI.create(server.url() + path);
  }

  Reply get(String path, String... headers) {
    return send(builder(path, headers).GET());
  }

  Reply post(String path, String body, String... headers) {
    HttpRequest.Builder builder = builder(path, headers);
    if (!List.of(headers).contains("Content-Type")) {
      builder.header("Content-Type", "application/json");
    }
    return send(builder.POST(HttpRequest.BodyPublishers.ofString(body)));
  }

  private HttpRequest.Builder builder(String path, String... headers) {
    HttpRequest.Builder builder = HttpRequest.newBuilder(url(path));
    return headers.length == 0 ? builder : builder.headers(headers);
  }

  Reply send(HttpRequest.Builder request) {
    try {
      HttpResponse<String> response =
          client.send(request.build(), HttpResponse.BodyHandlers.ofString());
      return new Reply(response.statusCode(), response);
    } catch (IOException e) {
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(e);
    }
  }

  /// The body of a greedy chat.
  static String chat(String model, String text, String more) {
    return "{\"model\": \"%s\", \"temperature\": 0, \"messages\": [{\"role\": \"user\", \"content\": \"%s\"}]%s}"
        .formatted(model, text, more.isEmpty() ? "" : ", " + more);
  }

  @Override
  public void afterAll(ExtensionContext context) {
    close();
    assertThat(warnings).noneMatch(line -> line.contains("internal error"));
  }

  @Override
  public void close() {
    client.close();
    server.close();
  }
}
