package dev.nudge.server.ui;

import dev.nudge.format.Json;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Drives a Chromium without a window by its DevTools protocol: one page of it.
///
/// Threading: the test's thread; what the browser says comes on the web socket's.
public final class Browser implements AutoCloseable {
  private static final List<String> NAMES =
      List.of("chromium", "chromium-browser", "google-chrome", "google-chrome-stable");
  private static final Duration PATIENCE = Duration.ofMinutes(10);

  private final Process process;
  private final Path profile;
  private final WebSocket socket;
  private final AtomicInteger ids = new AtomicInteger();
  private final Map<Integer, CompletableFuture<JsonNode>> asked = new ConcurrentHashMap<>();
  private final Queue<String> problems = new ConcurrentLinkedQueue<>();
  private final StringBuilder part = new StringBuilder();
  private @Nullable String session;

  /// The browser of this machine; null: there is none.
  public static @Nullable Path here() {
    for (String folder : System.getenv("PATH").split(":")) {
      for (String name : NAMES) {
        Path file = Path.of(folder, name);
        if (Files.isExecutable(file)) {
          return file;
        }
      }
    }
    return null;
  }

  public Browser(Path program) throws Exception {
    profile = Files.createTempDirectory("nudge-browser");
    List<String> command = new ArrayList<>();
    command.add(program.toString());
    command.addAll(
        List.of(
            "--headless=new",
            "--remote-debugging-port=0",
            "--user-data-dir=" + profile,
            "--no-first-run",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-extensions",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--force-color-profile=srgb"));
    if ("root".equals(System.getProperty("user.name"))) {
      command.add("--no-sandbox"); // it refuses to run otherwise; only our own pages are opened
    }
    command.add("about:blank");
    process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    socket =
        HttpClient.newHttpClient()
            .newWebSocketBuilder()
            .buildAsync(address(), new Listener())
            .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    String target = call("Target.createTarget", "url", "about:blank").path("targetId").asString();
    session =
        call("Target.attachToTarget", "targetId", target, "flatten", true)
            .path("sessionId")
            .asString();
    for (String domain : List.of("Page", "Runtime", "Log")) {
      call(domain + ".enable");
    }
  }

  private URI address() throws Exception {
    Path file = profile.resolve("DevToolsActivePort");
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (System.nanoTime() < end && process.isAlive()) {
      List<String> lines = Files.exists(file) ? Files.readAllLines(file) : List.of();
      if (lines.size() == 2) {
        return URI.create("ws://127.0.0.1:" + lines.get(0) + lines.get(1));
      }
      Thread.sleep(50);
    }
    throw new IOException("the browser does not start");
  }

  private final class Listener implements WebSocket.Listener {
    @Override
    public @Nullable CompletionStage<?> onText(WebSocket from, CharSequence text, boolean last) {
      part.append(text);
      if (last) {
        take(Json.parse(part.toString()));
        part.setLength(0);
      }
      from.request(1);
      return null;
    }
  }

  private void take(JsonNode message) {
    CompletableFuture<JsonNode> future = asked.remove(message.path("id").asInt(0));
    if (future != null) {
      if (message.has("error")) {
        future.completeExceptionally(new IOException(message.path("error").toString()));
      } else {
        future.complete(message.path("result"));
      }
      return;
    }
    JsonNode about = message.path("params");
    switch (message.path("method").asString("")) {
      case "Runtime.exceptionThrown" -> problems.add(about.path("exceptionDetails").toString());
      case "Runtime.consoleAPICalled" -> problems.add(about.path("args").toString());
      case "Log.entryAdded" -> problems.add(about.path("entry").toString());
      default -> {} // of no interest
    }
  }

  /// Asks the browser something and waits for what it says.
  ///
  /// @param parameters names and values in turn
  public JsonNode call(String method, Object... parameters) throws Exception {
    Map<String, Object> values = new LinkedHashMap<>();
    for (int i = 0; i < parameters.length; i += 2) {
      values.put((String) parameters[i], parameters[i + 1]);
    }
    int id = ids.incrementAndGet();
    Map<String, Object> message = new LinkedHashMap<>();
    message.put("id", id);
    message.put("method", method);
    message.put("params", values);
    if (session != null) {
      message.put("sessionId", session);
    }
    CompletableFuture<JsonNode> future = new CompletableFuture<>();
    asked.put(id, future);
    socket.sendText(Json.line(message), true).get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    return future.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
  }

  /// Opens an address and waits until a selector is there.
  public void open(URI address, String selector) throws Exception {
    call("Page.navigate", "url", "about:blank");
    call("Page.navigate", "url", address.toString());
    await("document.querySelector(" + Json.line(selector) + ") !== null");
  }

  /// What an expression is in the page; a promise is waited for.
  public JsonNode eval(String expression) throws Exception {
    JsonNode answer =
        call(
            "Runtime.evaluate",
            "expression",
            expression,
            "returnByValue",
            true,
            "awaitPromise",
            true);
    if (answer.has("exceptionDetails")) {
      throw new IOException(expression + ": " + answer.path("exceptionDetails"));
    }
    return answer.path("result").path("value");
  }

  /// Waits until an expression is true.
  public void await(String expression) throws Exception {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!eval(expression).asBoolean(false)) {
      if (System.nanoTime() > end) {
        throw new AssertionError("never true: " + expression + "; the page shows: " + text());
      }
      Thread.sleep(30);
    }
  }

  /// What the page shows as text.
  public String text() throws Exception {
    return eval("document.body.innerText").asString();
  }

  /// Presses keys one after the other: `Tab`, `Shift+Tab`, `Enter`, `Escape`, `ArrowDown`, `Space`.
  public void press(String... keys) throws Exception {
    for (String pressed : keys) {
      int shift = pressed.startsWith("Shift+") ? 8 : pressed.startsWith("Ctrl+") ? 2 : 0;
      String key = pressed.substring(pressed.indexOf('+') + 1);
      int code =
          switch (key) {
            case "Tab" -> 9;
            case "Enter" -> 13;
            case "Escape" -> 27;
            case "Space" -> 32;
            case "ArrowDown" -> 40;
            default -> throw new IllegalArgumentException(pressed);
          };
      String text = key.equals("Enter") ? "\r" : key.equals("Space") ? " " : "";
      key(text.isEmpty() ? "rawKeyDown" : "keyDown", key, code, text, shift);
      key("keyUp", key, code, "", shift);
    }
  }

  private void key(String type, String key, int code, String text, int modifiers) throws Exception {
    call(
        "Input.dispatchKeyEvent",
        "type",
        type,
        "key",
        key.equals("Space") ? " " : key,
        "code",
        key,
        "windowsVirtualKeyCode",
        code,
        "text",
        text,
        "modifiers",
        modifiers);
  }

  /// Types a text where the keyboard is.
  public void type(String text) throws Exception {
    call("Input.insertText", "text", text);
  }

  /// Presses the tab key until the keyboard is at an element.
  public void tabTo(String selector) throws Exception {
    for (int i = 0; i < 200; i++) {
      if (eval("document.activeElement.matches('" + selector + "')").asBoolean(false)) {
        return;
      }
      press("Tab");
    }
    throw new AssertionError("the tab key never comes to " + selector);
  }

  /// Makes the window that wide, and light or dark.
  public void look(int width, int height, boolean dark) throws Exception {
    call(
        "Emulation.setDeviceMetricsOverride",
        "width",
        width,
        "height",
        height,
        "deviceScaleFactor",
        1,
        "mobile",
        false);
    call(
        "Emulation.setEmulatedMedia",
        "features",
        List.of(Map.of("name", "prefers-color-scheme", "value", dark ? "dark" : "light")));
  }

  /// Keeps a picture of the window.
  public void shoot(Path file) throws Exception {
    JsonNode shot = call("Page.captureScreenshot", "format", "png");
    Files.createDirectories(file.toAbsolutePath().getParent());
    Files.write(file, Base64.getDecoder().decode(shot.path("data").asString()));
  }

  /// What the console has got since this was last asked.
  public List<String> problems() {
    List<String> all = List.copyOf(problems);
    problems.clear();
    return all;
  }

  @Override
  public void close() {
    session = null;
    try {
      call("Browser.close");
      process.waitFor(10, TimeUnit.SECONDS);
      try (Stream<Path> files = Files.walk(profile)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.deleteIfExists(file);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (Exception e) {
      // it went before it was told to, or still writes; the folder is temporary
    } finally {
      process.destroyForcibly();
    }
  }
}
