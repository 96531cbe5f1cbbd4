package dev.nudge.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.format.Json;
import dev.nudge.server.Place.Reply;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// What is not a well-behaved client: gone, too large, too early, broken.
@Timeout(1800)
class EdgeTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String LONG =
      "\"max_tokens\": 100000, \"min_tokens\": 100, \"ignore_eos\": true";

  @TempDir Path folder;

  private static Socket send(Place place, String body) throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), place.server.url().getPort());
    OutputStream out = socket.getOutputStream();
    out.write(
        ("POST "
                + CHAT
                + " HTTP/1.1\r\n"
                + "Host: localhost\r\n"
                + "Content-Type: application/json\r\n"
                + "Content-Length: "
                + body.length()
                + "\r\n\r\n"
                + body)
            .getBytes(StandardCharsets.US_ASCII));
    out.flush();
    return socket;
  }

  private static double running(Place place) {
    return place
        .get("/metrics")
        .text()
        .lines()
        .filter(line -> line.startsWith("vllm:num_requests_running{"))
        .mapToDouble(line -> Double.parseDouble(line.substring(line.indexOf('}') + 2)))
        .sum();
  }

  private static void until(Place place, double wanted) throws InterruptedException {
    while (running(place) != wanted) {
      Thread.sleep(10);
    }
  }

  @Test
  void whatCanNeverBeAnsweredIsNotToBeAskedAgain() {
    try (Place place = Place.open()) {
      String stops = "\"stop\": [" + "\"a\",".repeat(16) + "\"b\"]";
      String prompts = "\"p\",".repeat(199) + "\"p\"";
      for (Reply reply :
          List.of(
              place.post(CHAT, Place.chat("base", "hi", stops)),
              place.post(CHAT, Place.chat("base", "hi", "\"stop\": \"" + "a".repeat(1001) + "\"")),
              place.post(CHAT, Place.chat("base", "hi", "\"logit_bias\": {\"5\": 1e400}")),
              place.post(
                  "/v1/completions",
                  "{\"model\": \"base\", \"max_tokens\": 2, \"prompt\": [" + prompts + "]}"))) {
        assertThat(reply.status()).as(reply.text()).isEqualTo(400);
        assertThat(reply.header("X-Should-Retry")).isEqualTo("false");
      }
    }
  }

  @Test
  void whatAProxyPassesOnIsNotFromThisMachine() {
    try (Place place = Place.open(s -> s.withAllowKeylessAdmin(true))) {
      String body = "{\"lora_name\": \"nix\"}";
      assertThat(place.post("/v1/unload_lora_adapter", body).status()).isEqualTo(404);
      for (String header : List.of("X-Forwarded-For", "Forwarded", "X-Real-IP")) {
        Reply reply = place.post("/v1/unload_lora_adapter", body, header, "10.0.0.1");
        assertThat(reply.status()).as(header).isEqualTo(403);
        assertThat(reply.error("code")).isEqualTo("not_local");
      }
    }
  }

  @Test
  void aMistypedRouteIsToldWhatIsNear() {
    try (Place place = Place.open()) {
      assertThat(place.post("/v1/completion", "{}").error("message"))
          .isEqualTo(
              "there is no POST /v1/completion here; did you mean /v1/completions or"
                  + " /v1/chat/completions?");
      assertThat(place.get("/nothing-near").error("message"))
          .isEqualTo("there is no GET /nothing-near here");
    }
  }

  /// Each line is in one file, whole, and the disk that the log takes has a limit.
  @Test
  void theAuditLogRotates() throws Exception {
    Path audit = folder.resolve("audit.jsonl");
    Files.writeString(folder.resolve("audit.jsonl.5"), "another's");
    try (Place place = Place.open(s -> s.withAuditLog(audit).withAuditLogSize(4096))) {
      for (int i = 0; i < 100; i++) {
        assertThat(place.get("/v1/models/none-" + i).status()).isEqualTo(404);
      }
      assertThat(place.warnings).noneMatch(line -> line.contains("audit log"));
    }
    List<Path> files =
        List.of(4, 3, 2, 1, 0).stream()
            .map(n -> folder.resolve("audit.jsonl" + (n == 0 ? "" : "." + n)))
            .toList();
    List<String> lines = new ArrayList<>();
    for (Path file : files) {
      assertThat(Files.size(file)).as(file.toString()).isBetween(1L, 4096L);
      lines.addAll(Files.readAllLines(file));
    }
    assertThat(lines).hasSizeBetween(40, 99).allMatch(line -> Json.parse(line).isObject());
    List<String> times = lines.stream().map(l -> Json.parse(l).path("time").asString()).toList();
    assertThat(times).isSorted(); // the newest lines, none of them missing
    assertThat(folder.resolve("audit.jsonl.5")).hasContent("another's");
  }

  @Test
  void anAuditLogThatCannotBeRenamedGoesOn() throws Exception {
    Path audit = folder.resolve("audit.jsonl");
    Files.createDirectories(folder.resolve("audit.jsonl.3/not-empty"));
    Files.createDirectories(folder.resolve("audit.jsonl.4/not-empty"));
    auditedWithoutRotation(audit);
  }

  @Test
  void anAuditLogWhoseNextFileCannotBeOpenedKeepsTheEarlierOnes() throws IOException {
    Path audit = folder.resolve("audit.jsonl");
    Files.createDirectories(folder.resolve("audit.jsonl.new/not-empty"));
    for (int n = 1; n <= 4; n++) {
      Files.writeString(folder.resolve("audit.jsonl." + n), "earlier " + n);
    }
    auditedWithoutRotation(audit);
    for (int n = 1; n <= 4; n++) {
      assertThat(folder.resolve("audit.jsonl." + n)).hasContent("earlier " + n);
    }
  }

  @Test
  void anAuditLogThatIsALinkStaysOneAndKeepsItsMode() throws IOException {
    assumeTrue(Files.getFileStore(folder).supportsFileAttributeView("posix"), "needs modes");
    Set<PosixFilePermission> mode = PosixFilePermissions.fromString("rw-------");
    Path target = Files.createFile(folder.resolve("target.jsonl"));
    Files.setPosixFilePermissions(target, mode);
    Path link = Files.createSymbolicLink(folder.resolve("link.jsonl"), target);
    try (Place place = Place.open(s -> s.withAuditLog(link).withAuditLogSize(4096))) {
      for (int i = 0; i < 40; i++) {
        place.get("/v1/models/none-" + i);
      }
      assertThat(place.warnings).noneMatch(line -> line.contains("audit log"));
    }
    assertThat(link).isSymbolicLink();
    assertThat(folder.resolve("target.jsonl.1")).isRegularFile();
    assertThat(Files.getPosixFilePermissions(link)).isEqualTo(mode);
    assertThat(folder.resolve("link.jsonl.1")).doesNotExist();
  }

  private static void auditedWithoutRotation(Path audit) throws IOException {
    try (Place place = Place.open(s -> s.withAuditLog(audit).withAuditLogSize(4096))) {
      for (int i = 0; i < 40; i++) {
        place.get("/v1/models/none-" + i);
      }
      assertThat(place.warnings)
          .filteredOn(line -> line.startsWith(audit + ": the audit log cannot be renamed: "))
          .hasSize(1);
    }
    assertThat(Files.readAllLines(audit)).hasSize(40);
  }

  @Test
  void aClientThatGoesAwayEndsItsAnswerStreamedOrNot() throws Exception {
    Path audit = folder.resolve("audit.jsonl");
    try (Place place = Place.open(s -> s.withAuditLog(audit))) {
      for (String stream : List.of("", ", \"stream\": true")) {
        // as many tokens as the model takes, over and over: it would answer for long
        Socket socket =
            send(
                place,
                Place.chat("base", "hi", LONG + ", \"n\": 16" + stream)
                    .replace("\"temperature\": 0", "\"temperature\": 1"));
        until(place, 16);
        socket.close();
        until(place, 0);
      }
      while (Files.readString(audit).split("client_closed").length < 3) {
        Thread.sleep(10);
      }
      assertThat(Files.readString(audit).split("\"status\":499")).hasSize(3);
    }
  }

  @Test
  void aConnectionGoesOnBehindAnAnswerThatWasWatched() throws IOException {
    try (Place place = Place.open();
        Socket socket = send(place, Place.chat("base", "hi", "\"max_tokens\": 2"))) {
      for (int i = 0; i < 3; i++) {
        assertThat(read(socket)).startsWith("HTTP/1.1 200");
        String body = Place.chat("one", "hi", "\"max_tokens\": 2");
        socket
            .getOutputStream()
            .write(
                ("POST "
                        + CHAT
                        + " HTTP/1.1\r\n"
                        + "Host: localhost\r\n"
                        + "Content-Type: application/json\r\n"
                        + "Content-Length: "
                        + body.length()
                        + "\r\n\r\n"
                        + body)
                    .getBytes(StandardCharsets.US_ASCII));
      }
    }
  }

  /// One reply with its length.
  static String read(Socket socket) throws IOException {
    InputStream in = socket.getInputStream();
    StringBuilder text = new StringBuilder();
    int end = -1;
    while (end < 0 || text.length() < end) {
      int c = in.read();
      if (c < 0) {
        break;
      }
      text.append((char) c);
      if (end < 0 && text.toString().endsWith("\r\n\r\n")) {
        Matcher length = Pattern.compile("Content-Length: (\\d+)").matcher(text);
        end = text.length() + (length.find() ? Integer.parseInt(length.group(1)) : 0);
      }
    }
    return text.toString();
  }

  @Test
  void aBodyThatIsTooLargeIsRefused() {
    try (Place place = Place.open(s -> s.withMaxBody(2048))) {
      Reply reply = place.post(CHAT, Place.chat("base", "hi ".repeat(2000), ""));
      assertThat(reply.status()).isEqualTo(413);
      assertThat(reply.error("code")).isEqualTo("body_too_large");
      assertThat(place.post(CHAT, Place.chat("base", "hi", "\"max_tokens\": 1")).status())
          .isEqualTo(200);
    }
  }

  @Test
  void anAnswerThatTakesTooLongIsEnded() {
    try (Place place = Place.open(s -> s.withRequestTimeout(1).withMaxSequences(1))) {
      String many =
          Place.chat("base", "hi", LONG + ", \"n\": 128")
              .replace("\"temperature\": 0", "\"temperature\": 1");
      Reply reply = place.post(CHAT, many);
      assertThat(reply.status()).as(reply.text()).isEqualTo(504);
      assertThat(reply.error("code")).isEqualTo("request_timeout");
      assertThat(reply.header("X-Should-Retry")).isEqualTo("false");
    }
  }

  @Test
  void aStreamThatFailsEndsWithAnErrorAndNotAsIfItWereWhole() {
    try (Place place = Place.open(s -> s.withRequestTimeout(1).withMaxSequences(1))) {
      String many =
          Place.chat("base", "hi", LONG + ", \"n\": 128, \"stream\": true")
              .replace("\"temperature\": 0", "\"temperature\": 1");
      Reply reply = place.post(CHAT, many);
      assertThat(reply.status()).isEqualTo(200);
      assertThat(reply.text()).doesNotContain("[DONE]");
      JsonNode last = reply.events().getLast();
      assertThat(last.at("/error/code").asString()).isEqualTo("request_timeout");
      assertThat(last.path("error").propertyNames())
          .containsExactly("message", "type", "param", "code");
    }
  }

  @Test
  void aServerThatIsStoppedEndsWhatIsUnderWayAndTakesNothingNew() throws Exception {
    try (Place place = Place.open()) {
      CompletableFuture<Reply> last =
          CompletableFuture.supplyAsync(
              () ->
                  place.post(
                      CHAT, Place.chat("one", "hi", "\"max_tokens\": 60, \"ignore_eos\": true")));
      until(place, 1);
      CompletableFuture<Boolean> drained =
          CompletableFuture.supplyAsync(() -> place.server.drain(Duration.ofSeconds(60)));
      while (place.get("/health").status() != 503) {
        Thread.sleep(5);
      }
      Reply late = place.post(CHAT, Place.chat("one", "hi", ""));
      assertThat(late.status()).isEqualTo(503);
      assertThat(late.header("Retry-After")).isNotEmpty();
      assertThat(last.join().status()).isEqualTo(200);
      assertThat(drained.join()).isTrue();
    }
  }

  @Test
  void brokenBodiesAreRefusedAndTheServerGoesOn() {
    long seed = Long.getLong("seed", 1);
    Random random = new Random(seed);
    String good =
        Place.chat(
            "one",
            "hi",
            "\"max_tokens\": 2, \"stop\": [\"x\"], \"logit_bias\": {\"5\": 1}, \"tools\": [],"
                + " \"stream\": false");
    List<String> parts =
        List.of(
            "{",
            "}",
            "[",
            "]",
            "\"",
            ":",
            ",",
            "null",
            "-1",
            "1e999",
            "\\ud800",
            "\u0000",
            "é",
            "{}",
            "[[]]",
            "true",
            "\"model\"",
            "\"messages\"");
    try (Place place = Place.open()) {
      for (int i = 0; i < 400; i++) {
        StringBuilder body = new StringBuilder(good);
        for (int changes = 1 + random.nextInt(4); changes > 0; changes--) {
          int at = random.nextInt(body.length());
          int to = Math.min(body.length(), at + random.nextInt(6));
          body.replace(at, to, parts.get(random.nextInt(parts.size())));
        }
        Reply reply = place.post(i % 3 == 0 ? "/v1/completions" : CHAT, body.toString());
        assertThat(reply.status())
            .as("seed %d: %s: %s", seed, body, reply.text())
            .isIn(200, 400, 404);
      }
      assertThat(place.post(CHAT, good).status()).isEqualTo(200);
      assertThat(place.warnings).noneMatch(line -> line.contains("internal"));
      Reply deep = place.post(CHAT, "[".repeat(100_000));
      assertThat(deep.status()).isEqualTo(400);
    }
  }

  @Test
  void noMoreAnswersRunAtOnceThanTheSettingsSay() throws Exception {
    try (Place place = Place.open(s -> s.withMaxSequences(2))) {
      String many =
          Place.chat("base", "hi", "\"max_tokens\": 100, \"ignore_eos\": true, \"n\": 8")
              .replace("\"temperature\": 0", "\"temperature\": 1");
      CompletableFuture<Reply> reply = CompletableFuture.supplyAsync(() -> place.post(CHAT, many));
      double most = 0;
      while (!reply.isDone()) {
        most = Math.max(most, running(place));
      }
      assertThat(reply.join().json().path("choices")).hasSize(8);
      assertThat(most).isBetween(1.0, 2.0);
    }
  }

  @Test
  void certificatesMakeItHttps() throws Exception {
    Path store = folder.resolve("store.p12");
    int made =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-alias",
                "server",
                "-keyalg",
                "EC",
                "-dname",
                "CN=localhost",
                "-ext",
                "SAN=ip:127.0.0.1",
                "-keystore",
                store.toString(),
                "-storepass",
                "changeit")
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start()
            .waitFor();
    assertThat(made).isZero();
    KeyStore keys = KeyStore.getInstance(store.toFile(), "changeit".toCharArray());
    Path cert = pem("CERTIFICATE", keys.getCertificate("server").getEncoded());
    Path key = pem("PRIVATE KEY", keys.getKey("server", "changeit".toCharArray()).getEncoded());
    Path audit = folder.resolve("audit.jsonl");
    try (Place place = Place.open(s -> s.withTlsCert(cert).withTlsKey(key).withAuditLog(audit))) {
      assertThat(place.server.url().getScheme()).isEqualTo("https");
      TrustManagerFactory trusted =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      KeyStore known = KeyStore.getInstance("PKCS12");
      known.load(null, null);
      known.setCertificateEntry("server", keys.getCertificate("server"));
      trusted.init(known);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, trusted.getTrustManagers(), null);
      try (HttpClient client = HttpClient.newBuilder().sslContext(context).build()) {
        String body = Place.chat("one", "hi", "\"max_tokens\": 3");
        for (int i = 0; i < 3; i++) {
          HttpRequest request =
              HttpRequest.newBuilder(place.url(CHAT))
                  .header("Content-Type", "application/json")
                  .POST(HttpRequest.BodyPublishers.ofString(body))
                  .build();
          assertThat(client.send(request, HttpResponse.BodyHandlers.ofString()).statusCode())
              .isEqualTo(200);
        }
      }
    }
    assertThat(Files.readString(audit).split("\"remote\":\"127.0.0.1\"")).hasSize(4);
  }

  private Path pem(String kind, byte[] der) throws IOException {
    String text =
        "-----BEGIN %s-----\n%s\n-----END %s-----\n"
            .formatted(kind, Base64.getMimeEncoder().encodeToString(der), kind);
    return Files.writeString(folder.resolve(kind.replace(' ', '-') + ".pem"), text);
  }

  @Test
  void whatIsNoHttpGetsAnErrorBodyToo() throws IOException {
    try (Place place = Place.open();
        Socket socket =
            new Socket(InetAddress.getLoopbackAddress(), place.server.url().getPort())) {
      socket
          .getOutputStream()
          .write("GET /a b c HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      String reply = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(reply).startsWith("HTTP/1.1 400").contains("invalid_request_error");
    }
  }

  @Test
  void aPortThatIsTakenIsToldBeforeTheModelIsLoaded() throws IOException {
    try (ServerSocket taken = new ServerSocket(0)) {
      int port = taken.getLocalPort();
      assertThatThrownBy(() -> Place.open(s -> s.withHost("0.0.0.0").withPort(port)))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("--port " + port + " cannot be listened on");
    }
  }

  @Test
  void withoutTheExtensionAServerThatShallKeepExperimentsOrAnswersDoesNotStart() {
    Path kept = folder.resolve("kept");
    for (UnaryOperator<ServeSettings> asks :
        List.<UnaryOperator<ServeSettings>>of(
            s -> s.withExperiments(kept), s -> s.withCapture(kept))) {
      assertThatThrownBy(() -> Place.open(asks))
          .isInstanceOf(InputException.class)
          .hasMessage(
              "--experiments and --capture are of nudge-experiments; give Server.start its"
                  + " Trials::open");
    }
    assertThat(kept).doesNotExist();
  }

  @Test
  void aTemplateThatIsNoneIsToldBeforeTheModelIsLoaded() {
    assertThatThrownBy(() -> Place.open(s -> s.withTemplate("nope")))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("--template nope is no file and no template; there are alpaca, ");
  }

  @Test
  void memoryThatHasNoRoomForAnAnswerIsToldWithTheLeastThatHas() {
    String refusal =
        "--memory 64 KiB: the KV cache holds only 0 tokens beside weights and workspace; a short"
            + " conversation has 256; give --memory (\\d+)K or more, or a lower --max-model-len";
    AtomicInteger least = new AtomicInteger();
    assertThatThrownBy(() -> alone(64))
        .isInstanceOfSatisfying(
            InputException.class,
            e -> {
              Matcher line = Pattern.compile(refusal).matcher(String.valueOf(e.getMessage()));
              assertThat(line.matches()).as(e.getMessage()).isTrue();
              least.set(Integer.parseInt(line.group(1)));
            });
    assertThatThrownBy(() -> alone(least.get() - 1)).isInstanceOf(InputException.class);
    try (Place place = alone(least.get())) {
      String most = "\"ignore_eos\": true, \"max_tokens\": ";
      Reply reply = place.post(CHAT, Place.chat("base", "hi", most + 200));
      assertThat(reply.json().at("/usage/completion_tokens").asInt()).isEqualTo(200);
      Reply more = place.post(CHAT, Place.chat("base", "hi", most + 500));
      assertThat(more.status()).as(more.text()).isEqualTo(400);
      assertThat(more.error("param")).isEqualTo("max_tokens");
      assertThat(more.error("message"))
          .startsWith("a sequence of up to 512 tokens needs 8 blocks of keys and values (64 tokens")
          .endsWith("; lower 'max_tokens' or shorten the prompt")
          .doesNotContain("--");
    }
  }

  /// A base without adapters within an amount of memory.
  private static Place alone(long kibibytes) {
    return Place.open(s -> s.withAdapter().withMemory(kibibytes << 10));
  }

  @Test
  void toolsThatATemplateLeavesOutAreToldInTheWordsOfARequest() {
    try (Place place = Place.open(s -> s.withTemplate("chatml"))) {
      String tools =
          "\"max_tokens\": 2, \"tools\": [{\"type\": \"function\", \"function\": {\"name\":"
              + " \"f\"}}]";
      Reply reply = place.post(CHAT, Place.chat("base", "hi", tools));
      assertThat(reply.status()).isEqualTo(400);
      assertThat(reply.error("param")).isEqualTo("tools");
      assertThat(reply.error("message"))
          .isEqualTo(
              "the chat template has no place for tools; leave 'tools' out, or ask a model whose"
                  + " template shows them");
      Reply answer =
          place.post(
              CHAT,
              "{\"model\": \"base\", \"messages\": [{\"role\": \"tool\", \"content\": \"x\"}]}");
      assertThat(answer.error("param")).isEqualTo("messages");
      assertThat(answer.error("message"))
          .endsWith("the template chatml knows no tools")
          .doesNotContain("--");
    }
  }

  @Test
  void aLengthAboveTheModelsIsWarnedOfByTheFlagThatWasGiven() {
    try (Place place = Place.open(s -> s.withMaxModelLen(600))) {
      assertThat(place.warnings)
          .contains("--max-model-len 600 is above the model's max_position_embeddings, 512")
          .noneMatch(line -> line.contains("--max-length"));
    }
  }

  @Test
  void withoutKeysAdaptersAreMovedFromThisMachineAloneAndOnlyIfThatIsAllowed() {
    String body = "{\"lora_name\": \"one\"}";
    String path = "/v1/unload_lora_adapter";
    try (Place place = Place.open(s -> s.withAllowKeylessAdmin(true))) {
      assertThat(place.post(path, body, "Origin", "http://evil.example").status()).isEqualTo(403);
      assertThat(place.post(path, body).status()).isEqualTo(200);
      assertThat(place.get("/version").json().path("changes").asString()).isEqualTo("open");
    }
    try (Place open = Place.open(s -> s.withHost("0.0.0.0"))) {
      Reply reply = open.post("/v1/unload_lora_adapter", "{\"lora_name\": \"one\"}");
      assertThat(reply.error("code")).isEqualTo("no_admin_key");
      assertThat(open.warnings)
          .contains(
              "--host 0.0.0.0 without --api-keys: everybody who reaches the port by this address or"
                  + " a name of --allow-host may ask; nudge keys add makes a file of clients");
    }
  }
}
