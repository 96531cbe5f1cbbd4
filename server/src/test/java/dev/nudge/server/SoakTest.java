package dev.nudge.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.UnixOperatingSystemMXBean;
import dev.nudge.registry.Alias;
import dev.nudge.registry.Note;
import dev.nudge.registry.Registry;
import dev.nudge.registry.Version;
import dev.nudge.server.Place.Reply;
import dev.nudge.tensor.Ledger;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// Clients that ask, go away, send nonsense and move adapters, all at once: each answer is that of
/// the adapter which its header names, and nothing is left over. `-Dsoak=100000` asks as often.
@Timeout(3600) // a hang alone
class SoakTest {
  private static final List<String> MODELS =
      List.of("base", "one", "other", "law", "legal@champion", "legal:1", "legal:2", "extra");
  private static final int WORKERS = 8;
  private static final long GROWTH = 8L << 20;

  @TempDir Path folder;
  private final Map<String, String> expected = new ConcurrentHashMap<>(); // by digest and prompt
  private static final int REQUESTS = Integer.getInteger("soak", 500);
  private final AtomicInteger left = new AtomicInteger();
  private Place place;
  private Version first;
  private Version second;

  @BeforeEach
  void open() throws IOException {
    Registry registry = Registry.open(folder.resolve("registry"));
    first = registry.push("legal", Place.ONE, Note.of(null)).version();
    second = registry.push("legal", Place.OTHER, Note.of(null)).version();
    registry.alias("legal", "champion", first, Alias.Expected.NONE, Note.of(null));
    Path third = Files.createDirectories(folder.resolve("root/third"));
    for (String file : List.of("adapter_config.json", "adapter_model.safetensors")) {
      Files.copy(Place.OTHER.resolve(file), third.resolve(file));
    }
    place =
        Place.open(
            s ->
                s.withRegistry(folder.resolve("registry"))
                    .withAllowKeylessAdmin(true)
                    .withAdapterRoot(folder.resolve("root"))
                    .withAdapter("one=" + Place.ONE, "other=" + Place.OTHER, "law=legal@champion"));
  }

  @AfterEach
  void close() {
    place.close();
  }

  @Test
  void everyAnswerIsOfTheAdapterThatItNamesAndNothingIsLeftOver() throws Exception {
    long seed = Long.getLong("seed", 1);
    soak(seed, REQUESTS / 5); // until all is loaded, compiled and as large as it gets
    Held before = held();
    soak(seed + WORKERS, REQUESTS - REQUESTS / 5);
    Held after = held();
    System.out.printf("soak of %d requests, seed %d: %s, then %s%n", REQUESTS, seed, before, after);
    assertThat(after.heapBytes()).isLessThan(before.heapBytes() + GROWTH);
    assertThat(after.nativeBytes()).isLessThan(before.nativeBytes() + GROWTH);
    assertThat(after.threads()).isLessThanOrEqualTo(before.threads() + WORKERS);
    assertThat(after.files()).isLessThanOrEqualTo(before.files() + 2L * WORKERS);
    assertThat(place.warnings).noneMatch(line -> line.contains("internal"));
  }

  private void soak(long seed, int requests) throws InterruptedException {
    left.set(requests);
    List<Future<Void>> workers = new ArrayList<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < WORKERS; i++) {
        Random random = new Random(seed + i);
        workers.add(threads.submit((Callable<Void>) () -> work(random)));
      }
    }
    for (Future<Void> worker : workers) {
      try {
        worker.get();
      } catch (ExecutionException e) {
        throw new AssertionError("seed " + seed, e.getCause());
      }
    }
    nothingIsLeftOver();
  }

  /// What the process holds while nothing is asked.
  private record Held(long heapBytes, long nativeBytes, int threads, long files) {}

  private static Held held() {
    long heap = Long.MAX_VALUE;
    for (long last = heap, used = collected(); used < last; used = collected()) {
      heap = used;
      last = used;
    }
    long files =
        ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean unix
            ? unix.getOpenFileDescriptorCount()
            : 0;
    int threads = ManagementFactory.getThreadMXBean().getThreadCount();
    return new Held(heap, Ledger.bytes(), threads, files);
  }

  private static long collected() {
    System.gc();
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }

  private Void work(Random random) throws IOException {
    while (left.getAndDecrement() > 0) {
      int what = random.nextInt(100);
      if (what < 75) {
        ask(random);
      } else if (what < 85) {
        goAway(random);
      } else if (what < 90) {
        move(random);
      } else if (what < 95) {
        load(random);
      } else {
        Reply reply = place.post("/v1/completions", "{\"model\": \"one\", \"prompt\": [[}");
        assertThat(reply.status()).isEqualTo(400);
      }
    }
    return null;
  }

  private static String body(Random random, String model) {
    return "{\"model\": \"%s\", \"prompt\": \"pump %d\", \"temperature\": 0, \"max_tokens\": %d}"
        .formatted(model, random.nextInt(6), 4 + 8 * random.nextInt(2));
  }

  private void ask(Random random) {
    String model = MODELS.get(random.nextInt(MODELS.size()));
    String body = body(random, model);
    Reply reply = place.post("/v1/completions", body);
    if (model.equals("extra") && reply.status() == 404) {
      return; // it is not loaded now
    }
    assertThat(reply.status()).as(reply.text()).isEqualTo(200);
    String digest = reply.header("X-Adapter-Digest");
    String text = reply.json().at("/choices/0/text").asString();
    // the two adapters stand in several places: what they hold decides what they say
    String who =
        digest.equals(first.digest()) ? "one" : digest.equals(second.digest()) ? "other" : model;
    String asked =
        (who.equals("extra") ? "other" : who) + body.substring(body.indexOf("\"prompt\""));
    String known = expected.putIfAbsent(asked, text);
    assertThat(text).as(asked).isEqualTo(known == null ? text : known);
  }

  private void goAway(Random random) throws IOException {
    String body =
        "{\"model\": \"%s\", \"prompt\": \"pump\", \"max_tokens\": 200, \"ignore_eos\": true, \"stream\": %s}"
            .formatted(MODELS.get(random.nextInt(7)), random.nextBoolean());
    try (Socket socket =
        new Socket(InetAddress.getLoopbackAddress(), place.server.url().getPort())) {
      socket
          .getOutputStream()
          .write(
              ("POST /v1/completions HTTP/1.1\r\n"
                      + "Host: localhost\r\n"
                      + "Content-Type: application/json\r\n"
                      + "Content-Length: "
                      + body.length()
                      + "\r\n\r\n"
                      + body)
                  .getBytes(StandardCharsets.US_ASCII));
      if (random.nextBoolean()) {
        ask(random); // hangs up once another answer has come, at once otherwise
      }
    }
  }

  private void move(Random random) {
    Reply reply =
        random.nextBoolean()
            ? place.post(
                "/v1/adapters/alias",
                "{\"name\": \"legal\", \"alias\": \"champion\", \"version\": %d}"
                    .formatted(1 + random.nextInt(2)))
            : place.post("/v1/adapters/rollback", "{\"name\": \"legal\", \"alias\": \"champion\"}");
    assertThat(reply.status()).as(reply.text()).isIn(200, 409); // 409: it was nowhere before
  }

  private void load(Random random) {
    Reply reply =
        random.nextBoolean()
            ? place.post(
                "/v1/load_lora_adapter",
                "{\"lora_name\": \"extra\", \"lora_path\": \"third\", \"load_inplace\": true}")
            : place.post("/v1/unload_lora_adapter", "{\"lora_name\": \"extra\"}");
    assertThat(reply.status()).as(reply.text()).isIn(200, 404);
  }

  /// Requests whose caller hung up end at their next token, those of the base without a lease too.
  private void nothingIsLeftOver() {
    while (!leases().isEmpty() || !idle(place.get("/metrics").text())) {
      Thread.onSpinWait(); // each look is a request
    }
  }

  private List<JsonNode> leases() {
    JsonNode loaded = place.get("/v1/lora_adapters").json().path("loaded");
    return loaded.valueStream().filter(SoakTest::leased).toList();
  }

  private static boolean idle(String metrics) {
    return metrics.contains("vllm:num_requests_running{model_name=\"base\",engine=\"0\"} 0\n")
        && metrics.contains("vllm:num_requests_waiting{model_name=\"base\",engine=\"0\"} 0\n");
  }

  private static boolean leased(JsonNode adapter) {
    return adapter.path("leases").asInt() > 0;
  }
}
