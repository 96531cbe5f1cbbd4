package dev.nudge.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.nudge.ChildJvm;
import dev.nudge.Goldens;
import dev.nudge.format.Json;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// Runs the command as a process on a hub of this machine: what it asks for, and what a signal
/// leaves.
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "signals of POSIX")
@Timeout(value = 1800, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class HubProcessTest {
  private static final String COMMIT = "c".repeat(40);
  private static final String WEIGHTS = "model.safetensors";

  /// A request for a file.
  private record Asked(String file, String range) {}

  @TempDir Path folder;
  private final Map<String, byte[]> files = new TreeMap<>();
  private final List<Asked> asked = new CopyOnWriteArrayList<>();
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile int most = Integer.MAX_VALUE; // bytes of the weights that come; then silence
  private final HttpServer server;

  HubProcessTest() throws IOException {
    server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.createContext("/", this::answer);
    server.start();
  }

  @AfterEach
  void stop() {
    ended.countDown();
    server.stop(0);
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      String path = exchange.getRequestURI().getPath();
      if (path.contains("/revision/")) {
        send(exchange, Json.line(Map.of("sha", COMMIT)).getBytes(UTF_8));
      } else if (path.contains("/tree/")) {
        send(
            exchange, Json.line(files.keySet().stream().map(this::entry).toList()).getBytes(UTF_8));
      } else {
        String name = path.substring(path.lastIndexOf('/') + 1);
        String range = exchange.getRequestHeaders().getFirst("Range");
        asked.add(new Asked(name, range == null ? "" : range));
        send(exchange, requireNonNull(files.get(name)));
      }
    }
  }

  private Map<String, Object> entry(String name) {
    byte[] bytes = requireNonNull(files.get(name));
    return Map.of(
        "type",
        "file",
        "path",
        name,
        "size",
        bytes.length,
        "oid",
        "0".repeat(40),
        "lfs",
        Map.of("oid", sha256(bytes), "size", bytes.length));
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (java.security.NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  private void send(HttpExchange exchange, byte[] all) throws IOException {
    String range = exchange.getRequestHeaders().getFirst("Range");
    String[] ends = range == null ? new String[] {"0"} : range.substring(6).split("-");
    int from = Integer.parseInt(ends[0]);
    byte[] body =
        Arrays.copyOfRange(all, from, ends.length < 2 ? all.length : Integer.parseInt(ends[1]) + 1);
    if (range != null) {
      exchange
          .getResponseHeaders()
          .set(
              "Content-Range",
              "bytes %d-%d/%d".formatted(from, from + body.length - 1, all.length));
    }
    exchange.sendResponseHeaders(range == null ? 200 : 206, body.length);
    exchange.getResponseBody().write(body, 0, Math.min(most, body.length));
    exchange.getResponseBody().flush();
    if (most < body.length) {
      try {
        ended.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private Process nudge(String... arguments) throws IOException {
    List<String> flags = new ArrayList<>(ChildJvm.FLAGS);
    flags.add("-XX:+UseSerialGC");
    ProcessBuilder builder =
        new ProcessBuilder(ChildJvm.command(flags, Main.class.getName(), (Object[]) arguments));
    Map<String, String> environment = builder.environment();
    environment.keySet().removeIf(name -> name.startsWith("HF_") || name.endsWith("_proxy"));
    environment.put("HF_ENDPOINT", "http://127.0.0.1:" + server.getAddress().getPort());
    environment.put("HF_HUB_CACHE", folder.resolve("hub").toString());
    environment.put("NUDGE_CACHE", folder.resolve("cache").toString());
    return builder.start();
  }

  private static Ran ended(Process process) throws Exception {
    process.getOutputStream().close();
    String out = new String(process.getInputStream().readAllBytes(), UTF_8);
    String err = new String(process.getErrorStream().readAllBytes(), UTF_8);
    process.waitFor();
    return new Ran(process.exitValue(), out, err);
  }

  private void put(Path model) throws IOException {
    try (Stream<Path> all = Files.list(model)) {
      for (Path file : all.filter(Files::isRegularFile).toList()) {
        files.put(file.getFileName().toString(), Files.readAllBytes(file));
      }
    }
  }

  @Test
  void aSignalLeavesAPartThatTheNextCommandGoesOnWith() throws Exception {
    assumeFalse(ProcessTest.ignoresInterrupts(), "started with interrupts ignored");
    put(Goldens.MODEL);
    most = 5000;
    Path part =
        folder.resolve(
            "hub/models--org--tiny/blobs/"
                + sha256(requireNonNull(files.get(WEIGHTS)))
                + ".incomplete");
    Process process = nudge("models", "pull", "org/tiny");
    while (Files.notExists(part) || Files.size(part) < most) {
      assertThat(process.isAlive()).isTrue();
      Thread.onSpinWait();
    }
    new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start().waitFor();
    assertThat(ended(process).code()).isEqualTo(130);
    assertThat(part).hasSize(most);
    most = Integer.MAX_VALUE;
    asked.clear();
    Ran again = ended(nudge("models", "pull", "org/tiny"));
    assertThat(again.code()).as(again.err()).isZero();
    assertThat(asked).contains(new Asked(WEIGHTS, "bytes=5000-"));
    assertThat(part).doesNotExist();
  }

  @Test
  void aDryRunByNameFetchesNoWeights() throws Exception {
    put(Goldens.MODEL);
    Path rows = folder.resolve("rows.jsonl");
    Files.writeString(rows, "{\"prompt\": \"a b\", \"completion\": \" c\"}\n");
    Ran ran =
        ended(
            nudge(
                "train",
                "--model",
                "org/tiny",
                "--data",
                rows.toString(),
                "--dry-run",
                "--json",
                "--out",
                folder.resolve("out").toString()));
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(Json.parse(ran.out()).path("rows").asInt()).isEqualTo(1);
    assertThat(ran.err()).contains("its weights, ", ", are not");
    assertThat(asked).filteredOn(a -> a.file().equals(WEIGHTS)).allMatch(a -> !a.range().isEmpty());
    assertThat(folder.resolve("hub")).doesNotExist();
    try (Stream<Path> left = Files.list(folder.resolve("cache"))) {
      assertThat(left).noneMatch(path -> path.toString().contains("headers-"));
    }
  }

  @Test
  void aGgufFileByNameIsPlannedAndShownBeforeItIsFetched() throws Exception {
    Path gguf = Goldens.FOLDER.resolve("gguf/mixed/llama-llama3.gguf");
    files.put("tiny.gguf", Files.readAllBytes(gguf));
    Ran plan = ended(nudge("plan", "--model", "org/tiny", "--no-probe", "--json"));
    assertThat(plan.code()).as(plan.err()).isZero();
    Ran here = Ran.of("plan", "--model", gguf.toString(), "--no-probe", "--json");
    assertThat(Json.parse(plan.out()).path("parameters"))
        .isEqualTo(Json.parse(here.out()).path("parameters"));
    Ran show = ended(nudge("models", "show", "org/tiny", "--json"));
    assertThat(show.code()).as(show.err()).isZero();
    assertThat(Json.parse(show.out()).path("family").asString()).isEqualTo("llama");
    assertThat(Json.parse(show.out()).path("trainable").asBoolean()).isTrue();
    assertThat(asked).isNotEmpty();
  }
}
