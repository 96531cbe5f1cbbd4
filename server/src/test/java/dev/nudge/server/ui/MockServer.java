package dev.nudge.server.ui;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.nudge.format.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// The page with a server behind it that answers from a file and remembers where aliases are.
///
/// Threading: any thread.
final class MockServer implements AutoCloseable {
  static final String KEY = "the-admin-key-of-the-test";
  private static final String JSON = "application/json";

  private final HttpServer http;
  private final ObjectNode answers;
  final Queue<String> asked = new ConcurrentLinkedQueue<>();
  volatile boolean wantsKey;
  volatile boolean lostRace;
  volatile boolean locked;
  private long polls;

  MockServer() throws IOException {
    try (InputStream in = MockServer.class.getResourceAsStream("mock.json")) {
      answers = (ObjectNode) Json.parseStrictly(Objects.requireNonNull(in).readAllBytes());
    }
    http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    http.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    http.createContext("/", this::handle);
    http.start();
  }

  URI url(String path) {
    return URI.create("http://127.0.0.1:" + http.getAddress().getPort() + path);
  }

  private void handle(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().getPath();
    try (exchange) {
      if (path.startsWith("/ui/")) {
        page(exchange, path.substring(4));
        return;
      }
      byte[] body = exchange.getRequestBody().readAllBytes();
      asked.add(
          exchange.getRequestMethod()
              + " "
              + path
              + " "
              + new String(body, StandardCharsets.UTF_8));
      if (exchange.getRequestMethod().equals("GET")) {
        get(exchange, path);
      } else if (path.endsWith("completions")) {
        stream(exchange, Json.parse(new String(body, StandardCharsets.UTF_8)));
      } else if (wantsKey
          && !("Bearer " + KEY).equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
        refuse(
            exchange,
            401,
            "invalid_api_key",
            "the admin key is missing; send Authorization: Bearer KEY");
      } else {
        change(exchange, path.split("/"), Json.parse(new String(body, StandardCharsets.UTF_8)));
      }
    }
  }

  private static void page(HttpExchange exchange, String name) throws IOException {
    UiFiles.UiFile file = UiFiles.find(name);
    if (file == null) {
      send(exchange, 404, "text/plain", "");
      return;
    }
    UiFiles.HEADERS.forEach(exchange.getResponseHeaders()::set);
    send(exchange, 200, file.type(), file.text());
  }

  private synchronized void get(HttpExchange exchange, String path) throws IOException {
    if (path.equals("/version")) {
      send(exchange, 200, JSON, Json.line(Map.of("changes", locked ? "none" : "key")));
    } else if (path.equals("/v1/load")) {
      send(exchange, 200, JSON, Json.line(load()));
    } else if (answers.has(path)) {
      send(exchange, 200, JSON, Json.line(answers.get(path)));
    } else {
      refuse(exchange, 404, "unknown_url", "there is no GET " + path + " here");
    }
  }

  /// A server with something to do: numbers that go up and down.
  private ObjectNode load() {
    ObjectNode load = ((ObjectNode) answers.get("/v1/load")).deepCopy();
    polls++;
    load.put("at", load.path("at").asLong() + polls * 2000);
    load.put("running", 9 + (int) (5 * Math.sin(polls / 3.0)));
    load.put("waiting", (int) Math.max(0, 6 * Math.sin(polls / 4.0)));
    load.put("generation_tokens", 100_000 + polls * 480 + Math.round(3000 * Math.sin(polls / 3.0)));
    load.put("prompt_tokens", 400_000 + polls * 3900);
    return load;
  }

  /// Moves an alias as the registry would: …/adapters/NAME/aliases/ALIAS[/rollback].
  private synchronized void change(HttpExchange exchange, String[] path, JsonNode body)
      throws IOException {
    if (lostRace) {
      exchange.getResponseHeaders().set("X-Should-Retry", "false");
      refuse(
          exchange,
          409,
          "alias_moved",
          "support@champion is at version 2, not at version 3 as expected; it stays there");
      return;
    }
    ObjectNode adapter = (ObjectNode) answers.get("/v1/registry/adapters/" + path[4]);
    boolean back = path.length > 7;
    for (JsonNode each : adapter.path("aliases")) {
      ObjectNode alias = (ObjectNode) each;
      if (alias.path("alias").asString().equals(path[6])) {
        int from = alias.path("version").asInt();
        int to = back ? alias.path("before").asInt() : body.path("version").asInt();
        alias.put("version", to).put("why", body.path("why").asString()).put("before", from);
        ((tools.jackson.databind.node.ArrayNode)
                answers.get("/v1/registry/adapters/" + path[4] + "/log").path("data"))
            .addObject()
            .put("event", back ? "rollback" : "alias")
            .put("at", "2026-11-28T12:00:00Z")
            .put("by", "admin")
            .put("alias", path[6])
            .put("version", to)
            .put("from", adapter.path("versions").get(from - 1).path("digest").asString())
            .put("to", adapter.path("versions").get(to - 1).path("digest").asString())
            .put("why", body.path("why").asString());
        send(exchange, 200, JSON, Json.line(Map.of("version", to)));
        return;
      }
    }
    refuse(exchange, 404, "unknown_alias", "there is no such alias");
  }

  /// Streams the answer that the file has for a model, some letters at a time.
  private void stream(HttpExchange exchange, JsonNode body) throws IOException {
    String model = body.path("model").asString();
    JsonNode answer = answers.path("answers").path(model);
    if (answer.isMissingNode()) {
      refuse(
          exchange,
          404,
          "model_not_found",
          "there is no model '" + model + "'; GET /v1/models lists what there is");
      return;
    }
    boolean chat = exchange.getRequestURI().getPath().startsWith("/v1/chat");
    exchange.getResponseHeaders().set("Content-Type", "text/event-stream; charset=utf-8");
    if (!model.equals("smol")) {
      exchange.getResponseHeaders().set("X-Adapter", "support:3");
      exchange.getResponseHeaders().set("X-Adapter-Digest", "sha256:" + "5e".repeat(32));
    }
    exchange.sendResponseHeaders(200, 0);
    List<String> pieces = new ArrayList<>();
    String text = answer.asString();
    for (int at = 0; at < text.length(); at += 5) {
      pieces.add(text.substring(at, Math.min(text.length(), at + 5)));
    }
    try (OutputStream out = exchange.getResponseBody()) {
      for (String piece : pieces) {
        event(out, chat ? Map.of("delta", Map.of("content", piece)) : Map.of("text", piece));
        Thread.sleep(15);
      }
      event(out, Map.of("delta", Map.of(), "text", "", "finish_reason", "stop"));
      Map<String, Object> usage = new LinkedHashMap<>();
      usage.put("choices", List.of());
      usage.put("usage", Map.of("prompt_tokens", 12, "completion_tokens", pieces.size()));
      out.write(
          ("data: " + Json.line(usage) + "\n\ndata: [DONE]\n\n").getBytes(StandardCharsets.UTF_8));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void event(OutputStream out, Map<String, Object> choice) throws IOException {
    byte[] bytes =
        ("data: " + Json.line(Map.of("choices", List.of(choice))) + "\n\n")
            .getBytes(StandardCharsets.UTF_8);
    int cut = bytes.length / 2; // an event comes in pieces on a real line too
    out.write(bytes, 0, cut);
    out.flush();
    out.write(bytes, cut, bytes.length - cut);
    out.flush();
  }

  private static void refuse(HttpExchange exchange, int status, String code, String message)
      throws IOException {
    send(
        exchange,
        status,
        JSON,
        Json.line(Map.of("error", Map.of("code", code, "message", message))));
  }

  private static void send(HttpExchange exchange, int status, String type, String text)
      throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", type);
    exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  @Override
  public void close() {
    http.stop(0);
  }
}
