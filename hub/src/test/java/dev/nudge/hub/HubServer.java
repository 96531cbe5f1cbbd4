package dev.nudge.hub;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.nudge.format.Json;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// A hub on 127.0.0.1, with its store at another port, that answers as the real one does, and
/// fails as it is told.
final class HubServer implements AutoCloseable {
  static final String COMMIT = "c".repeat(40);
  private static final Pattern FILE = Pattern.compile("/(.+?)/resolve/[^/]+/(.+)");
  private static final Pattern RANGE = Pattern.compile("bytes=(\\d+)-(\\d*)");
  private static final Pattern LARGE = Pattern.compile(".*\\.(safetensors|gguf|bin|parquet)");

  /// A request that came.
  record Seen(
      String method, String path, @Nullable String token, @Nullable String range, boolean store) {}

  /// A request that fails in its own way.
  interface Fault {
    /// Answers, or returns false to leave it to the server.
    boolean answer(HttpExchange exchange, byte[] body) throws IOException;
  }

  private record Rule(Pattern path, int[] times, Fault fault) {}

  final Map<String, Map<String, byte[]>> repositories = new LinkedHashMap<>(); // by org/name
  final Map<String, String> listing = new LinkedHashMap<>(); // what is listed instead, by org/name
  final List<Seen> seen = new CopyOnWriteArrayList<>();
  private final List<Rule> rules = Collections.synchronizedList(new ArrayList<>());
  private final HttpServer hub = server(this::hub, false);
  private final HttpServer store = server(this::store, true);
  @Nullable String commit = COMMIT;

  private interface Handler {
    void handle(HttpExchange exchange) throws IOException;
  }

  private HttpServer server(Handler handler, boolean isStore) {
    try {
      HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
      server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
      server.createContext(
          "/",
          exchange -> {
            try (exchange) {
              seen.add(
                  new Seen(
                      exchange.getRequestMethod(),
                      exchange.getRequestURI().getPath(),
                      exchange.getRequestHeaders().getFirst("Authorization"),
                      exchange.getRequestHeaders().getFirst("Range"),
                      isStore));
              handler.handle(exchange);
            }
          });
      server.start();
      return server;
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /// A repository with a small model.
  static Map<String, byte[]> tiny() {
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put("config.json", utf8("{\"model_type\": \"llama\"}"));
    files.put("README.md", utf8("---\nlicense: apache-2.0\n---\n# tiny\n"));
    files.put("model.safetensors", weights());
    files.put("additional_chat_templates/tool.jinja", utf8("{{ x }}"));
    files.put("tokenizer.json", utf8("{}"));
    return files;
  }

  static byte[] weights() {
    byte[] weights = new byte[256 * 100];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = (byte) i;
    }
    return weights;
  }

  /// Changes a file of a repository.
  void put(String name, String path, byte[] body) {
    repositories.computeIfAbsent(name, _ -> new LinkedHashMap<>()).put(path, body);
  }

  static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  String url() {
    return "http://127.0.0.1:" + hub.getAddress().getPort();
  }

  /// Lets requests to a path fail.
  void fault(String path, int times, Fault fault) {
    rules.add(new Rule(Pattern.compile(path), new int[] {times}, fault));
  }

  void heal() {
    rules.clear();
    seen.clear();
  }

  /// Sends so many bytes of the body and ends the connection.
  static Fault cut(int bytes) {
    return (exchange, body) -> {
      byte[] part = begin(exchange, body);
      exchange.getResponseBody().write(part, 0, Math.min(bytes, part.length));
      exchange.getResponseBody().flush();
      return true; // and the exchange closes
    };
  }

  static Fault status(int status, String... headers) {
    return (exchange, body) -> {
      for (int i = 0; i < headers.length; i += 2) {
        exchange.getResponseHeaders().set(headers[i], headers[i + 1]);
      }
      exchange.sendResponseHeaders(status, -1);
      return true;
    };
  }

  /// Answers 200 with other bytes.
  static Fault bytes(byte[] other) {
    return (exchange, body) -> {
      exchange.sendResponseHeaders(200, other.length);
      exchange.getResponseBody().write(other);
      return true;
    };
  }

  private boolean failed(HttpExchange exchange, byte[] body) throws IOException {
    String path = exchange.getRequestURI().getPath();
    for (Rule rule : List.copyOf(rules)) {
      if (rule.times[0] > 0 && rule.path.matcher(path).find()) {
        rule.times[0]--;
        return rule.fault.answer(exchange, body);
      }
    }
    return false;
  }

  private void hub(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().getPath();
    Matcher file = FILE.matcher(path);
    byte[] body =
        file.matches()
            ? repositories.getOrDefault(file.group(1), Map.of()).get(file.group(2))
            : null;
    if (failed(exchange, body == null ? new byte[0] : body)) {
      return;
    }
    Matcher api =
        Pattern.compile("/api/(models|datasets)/([^/]+/[^/]+)/(revision|tree)/(.+)").matcher(path);
    if (api.matches()) {
      String name = (api.group(1).equals("datasets") ? "datasets/" : "") + api.group(2);
      Map<String, byte[]> files = repositories.get(name);
      if (files == null) {
        refuse(exchange, 404, "RepoNotFound");
      } else if (api.group(3).equals("revision")) {
        String revision = URLDecoder.decode(api.group(4), StandardCharsets.UTF_8);
        if (List.of("main", "refs/pr/1", String.valueOf(commit)).contains(revision)) {
          json(exchange, Map.of("sha", String.valueOf(commit), "tags", List.of("license:mit")));
        } else {
          refuse(exchange, 404, "RevisionNotFound");
        }
      } else {
        send(exchange, utf8(listing.getOrDefault(name, list(files))));
      }
      return;
    }
    if (body == null) {
      refuse(exchange, 404, "EntryNotFound");
    } else if (LARGE.matcher(file.group(2)).matches()) {
      String digest = digest(true, body);
      exchange
          .getResponseHeaders()
          .set(
              "Location",
              "http://localhost:%d/store/%s?Signature=x"
                  .formatted(store.getAddress().getPort(), digest));
      exchange.sendResponseHeaders(302, -1);
    } else {
      send(exchange, body);
    }
  }

  private void store(HttpExchange exchange) throws IOException {
    String digest = exchange.getRequestURI().getPath().replaceFirst(".*/", "");
    for (Map<String, byte[]> files : repositories.values()) {
      for (byte[] body : files.values()) {
        if (digest(true, body).equals(digest)) {
          if (!failed(exchange, body)) {
            send(exchange, body);
          }
          return;
        }
      }
    }
    exchange.sendResponseHeaders(403, -1);
  }

  private static void send(HttpExchange exchange, byte[] body) throws IOException {
    byte[] part = begin(exchange, body);
    exchange.getResponseBody().write(part);
  }

  /// Sends the head of an answer.
  ///
  /// @return the bytes that are asked for
  private static byte[] begin(HttpExchange exchange, byte[] body) throws IOException {
    String range = exchange.getRequestHeaders().getFirst("Range");
    Matcher asked = RANGE.matcher(range == null ? "" : range);
    if (!asked.matches()) {
      exchange.sendResponseHeaders(200, body.length == 0 ? -1 : body.length);
      return body;
    }
    int from = Integer.parseInt(asked.group(1));
    int to = asked.group(2).isEmpty() ? body.length : Integer.parseInt(asked.group(2)) + 1;
    if (from >= body.length) {
      exchange.sendResponseHeaders(416, -1);
      return new byte[0];
    }
    byte[] part = Arrays.copyOfRange(body, from, Math.min(to, body.length));
    exchange
        .getResponseHeaders()
        .set(
            "Content-Range", "bytes %d-%d/%d".formatted(from, from + part.length - 1, body.length));
    exchange.sendResponseHeaders(206, part.length);
    return part;
  }

  static void json(HttpExchange exchange, Object value) throws IOException {
    send(exchange, utf8(Json.line(value)));
  }

  private static void refuse(HttpExchange exchange, int status, String code) throws IOException {
    exchange.getResponseHeaders().set("X-Error-Code", code);
    exchange.sendResponseHeaders(status, -1);
  }

  private static String list(Map<String, byte[]> files) {
    List<Map<String, Object>> all = new ArrayList<>();
    files.forEach((path, body) -> all.add(entry(path, body)));
    return Json.line(all);
  }

  private static Map<String, Object> entry(String path, byte[] body) {
    Map<String, Object> entry = new LinkedHashMap<>();
    entry.put("type", "file");
    entry.put("path", path);
    entry.put("size", body.length);
    if (LARGE.matcher(path).matches()) {
      String digest = digest(true, body);
      byte[] pointer =
          utf8(
              "version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n"
                  .formatted(digest, body.length));
      entry.put("oid", digest(false, pointer));
      entry.put("lfs", Map.of("oid", digest, "size", body.length));
    } else {
      entry.put("oid", digest(false, body));
    }
    return entry;
  }

  static String digest(boolean large, byte[] bytes) {
    try (InputStream in = new ByteArrayInputStream(bytes)) {
      return Part.digest(large, bytes.length, in);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    hub.stop(0);
    store.stop(0);
  }
}
