package dev.nudge.eval.judge;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.nudge.format.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import tools.jackson.databind.JsonNode;

/// A server of chat completions that answers as a test says, and writes down what it was asked.
final class FakeServer implements AutoCloseable {
  /// What a request is answered with.
  ///
  /// @param headers name and value of one more header; empty: none
  record Answer(int status, List<String> headers, String body) {
    static Answer of(int status, String body) {
      return new Answer(status, List.of(), body);
    }

    /// A completion.
    static Answer says(String text) {
      return of(
          200,
          Json.line(
              Map.of(
                  "choices",
                  List.of(Map.of("message", Map.of("role", "assistant", "content", text))))));
    }
  }

  /// The text of a request's only message.
  static String asked(JsonNode body) {
    return body.path("messages").path(0).path("content").asString();
  }

  /// Says what a request is answered with.
  interface Script {
    /// Answers a request.
    ///
    /// @param number of the request, from 0
    Answer answer(int number, JsonNode body) throws InterruptedException;
  }

  final List<JsonNode> bodies = Collections.synchronizedList(new ArrayList<>());
  final List<String> keys = Collections.synchronizedList(new ArrayList<>());
  final List<String> paths = Collections.synchronizedList(new ArrayList<>());
  private final AtomicInteger requests = new AtomicInteger();
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final HttpServer server;
  private volatile Script script;

  FakeServer(Script script) {
    this.script = script;
    try {
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    server.setExecutor(threads);
    server.createContext("/", this::handle);
    server.start();
  }

  /// Answers in another way from now on.
  void script(Script next) {
    script = next;
    requests.set(0);
  }

  String url() {
    return "http://127.0.0.1:" + server.getAddress().getPort() + "/v1";
  }

  private void handle(HttpExchange exchange) throws IOException {
    JsonNode body =
        Json.parse(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
    bodies.add(body);
    paths.add(exchange.getRequestMethod() + " " + exchange.getRequestURI());
    keys.add(String.valueOf(exchange.getRequestHeaders().getFirst("Authorization")));
    try {
      Answer answer = script.answer(requests.getAndIncrement(), body);
      if (!answer.headers().isEmpty()) {
        exchange.getResponseHeaders().add(answer.headers().getFirst(), answer.headers().getLast());
      }
      byte[] bytes = answer.body().getBytes(StandardCharsets.UTF_8);
      exchange.sendResponseHeaders(answer.status(), bytes.length == 0 ? -1 : bytes.length);
      if (bytes.length > 0) {
        exchange.getResponseBody().write(bytes);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      exchange.close();
    }
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
