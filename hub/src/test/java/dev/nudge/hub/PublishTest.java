package dev.nudge.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.nudge.format.Json;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// Publishes to a hub on this machine.
class PublishTest {
  @TempDir Path folder;
  private final List<Map<String, @Nullable Object>> log = new ArrayList<>();
  private HttpServer server;
  private int refused; // status of the next commits
  private int chunk; // bytes of a piece of a large file; 0: it is sent whole
  private @Nullable String store; // where a large file goes; null: here
  private Map<String, String> storeHeaders = Map.of();
  private Duration timeout = Duration.ofMinutes(10);
  private boolean slow; // reads a commit a piece at a time

  @BeforeEach
  void start() throws IOException {
    server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.createContext("/", this::answer);
    server.start();
    Files.writeString(folder.resolve("README.md"), "# made\n");
    Files.writeString(folder.resolve("adapter_config.json"), "{\"r\": 4}");
    byte[] weights = new byte[1024];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = (byte) i;
    }
    Files.write(folder.resolve("adapter_model.safetensors"), weights);
    Files.writeString(folder.resolve("run.json"), "{}"); // stays here
    Files.writeString(folder.resolve("metrics.jsonl"), "{}");
    Files.writeString(folder.resolve("old.bin"), "");
    Files.writeString(folder.resolve("customers.json"), "[]");
    Files.writeString(folder.resolve("notes.txt"), "");
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private String url() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  private Hub hub(@Nullable String token) {
    return Hub.of(
        new HubSettings(
            URI.create(url()),
            folder.resolve("cache"),
            token,
            false,
            true,
            timeout,
            new Proxies(null, null, List.of(), false)),
        wait -> {});
  }

  private Hub.Published publish() {
    return hub("hf_secret")
        .publish(
            RepoName.parse("org/made"),
            folder,
            CardFacts.of(folder, null),
            false,
            HubListener.NONE);
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      String path = exchange.getRequestURI().getPath();
      byte[] body = slow && path.contains("/commit/") ? slowly(exchange) : all(exchange);
      String text = new String(body, StandardCharsets.UTF_8);
      Map<String, @Nullable Object> seen = new LinkedHashMap<>();
      String type = exchange.getRequestHeaders().getFirst("Content-Type");
      seen.put("method", exchange.getRequestMethod());
      seen.put("path", path);
      seen.put("type", type == null ? "" : type);
      seen.put(
          "accept", path.contains("lfs") ? exchange.getRequestHeaders().getFirst("Accept") : null);
      seen.put("authorized", exchange.getRequestHeaders().containsKey("Authorization"));
      seen.put(
          "body",
          path.startsWith("/store/")
              ? Base64.getEncoder().encodeToString(body)
              : text.lines().map(Json::parse).toList());
      log.add(seen);
      if (path.contains("/commit/") && refused > 0) {
        exchange.sendResponseHeaders(refused, -1);
        return;
      }
      if (path.startsWith("/store/")) {
        exchange.getResponseHeaders().set("ETag", "\"tag" + body.length + "\"");
      }
      byte[] said = Json.line(said(path, text)).getBytes(StandardCharsets.UTF_8);
      exchange.sendResponseHeaders(path.endsWith("/create") ? 409 : 200, said.length);
      exchange.getResponseBody().write(said);
    }
  }

  private static byte[] all(HttpExchange exchange) throws IOException {
    return exchange.getRequestBody().readAllBytes();
  }

  /// Takes 20 MiB a second, and keeps nothing.
  private static byte[] slowly(HttpExchange exchange) throws IOException {
    while (exchange.getRequestBody().readNBytes(1 << 20).length > 0) {
      LockSupport.parkNanos(50_000_000);
    }
    return new byte[0];
  }

  private Object said(String path, String text) {
    if (path.contains("/preupload/")) {
      List<Object> files = new ArrayList<>();
      for (JsonNode file : Json.parse(text).path("files")) {
        String name = file.path("path").asString();
        files.add(
            Map.of("path", name, "uploadMode", name.endsWith("safetensors") ? "lfs" : "regular"));
      }
      return Map.of("files", files);
    }
    if (path.endsWith("/batch")) {
      JsonNode object = Json.parse(text).path("objects").get(0);
      String oid = object.path("oid").asString();
      Map<String, Object> upload = new LinkedHashMap<>();
      String whole = store == null ? url() + "/store/" + oid + "?S=x" : store;
      upload.put("href", chunk > 0 ? url() + "/org/made/complete" : whole);
      if (!storeHeaders.isEmpty()) {
        upload.put("header", storeHeaders);
      }
      if (chunk > 0) {
        Map<String, Object> header = new LinkedHashMap<>();
        header.put("chunk_size", Integer.toString(chunk));
        for (int i = 0; i < Math.ceilDiv(1024, chunk); i++) {
          header.put(Integer.toString(i + 1), url() + "/store/piece" + i);
        }
        upload.put("header", header);
      }
      Object verify = Map.of("href", url() + "/org/made/verify");
      return Map.of(
          "objects",
          List.of(
              Map.of(
                  "oid",
                  oid,
                  "size",
                  1024,
                  "actions",
                  Map.of("upload", upload, "verify", verify))));
    }
    return path.contains("/commit/") ? Map.of("commitOid", "c".repeat(40)) : Map.of();
  }

  /// Golden: what huggingface_hub 2.4.0 sends for the same files, by reference/publish.py; it also
  /// has the card's front matter looked at.
  @Test
  void theRequestsAreThoseOfPythonsClient() {
    Hub.Published done = publish();
    assertThat(done.commit()).isEqualTo("c".repeat(40));
    assertThat(done.address()).isEqualTo(url() + "/org/made");
    assertThat(done.left())
        .containsExactly("customers.json", "metrics.jsonl", "notes.txt", "old.bin", "run.json");
    List<JsonNode> golden = new ArrayList<>();
    for (JsonNode request : Json.read(Path.of("src/test/resources/golden/publish.json"))) {
      if (!request.path("path").asString().equals("/api/validate-yaml")) {
        golden.add(request);
      }
    }
    String sent =
        Json.line(log).replace(url(), "URL").replace("Published by nudge", "made by nudge");
    assertThat(Json.parse(sent)).isEqualTo(Json.tree(golden));
  }

  @Test
  void chatTemplatesInTheirFolderAreSentAndOtherFoldersAreNot() throws IOException {
    for (String name :
        List.of("additional_chat_templates/tool_use.jinja", "checkpoints/a.safetensors")) {
      Path file = folder.resolve(name);
      Files.createDirectories(file.getParent());
      Files.writeString(file, "{{ tools }}");
    }
    publish();
    assertThat(Json.line(log))
        .contains("\"path\":\"additional_chat_templates/tool_use.jinja\"")
        .doesNotContain("checkpoints/");
  }

  @Test
  void noPathOfThisMachineIsPublished() throws IOException {
    Files.delete(folder.resolve("README.md"));
    Path base = Files.createDirectories(folder.resolve("private/models/tiny-base"));
    Files.writeString(
        folder.resolve("adapter_config.json"),
        "{\"r\": 4, \"base_model_name_or_path\": \"" + base + "\"}");
    Files.writeString(
        folder.resolve("config.json"),
        "{\"_name_or_path\": \"/home/me/models--org--base/snapshots/" + "c".repeat(40) + "\"}");
    Files.writeString(
        folder.resolve("tokenizer_config.json"),
        "{\"name_or_path\": \"C:\\\\me\\\\base\", \"tokenizer_file\": \"/home/me/t.json\"}");
    Files.writeString(
        folder.resolve("quantize_config.json"),
        "{\"bits\": 4, \"model_name_or_path\": \"/home/me/q\", \"meta\": {\"dataset\":"
            + " [\"/home/me/d\"]}}");
    Files.writeString(
        folder.resolve("run.json"),
        "{\"settings\": {\"rank\": 4, \"data\": [\"/home/me/rows\"], \"model\": \"/home/me/m\"}}");
    Files.writeString(
        folder.resolve("nudge.json"),
        Json.line(
            Map.of(
                "merged",
                Map.of(
                    "base",
                    base.toString(),
                    "adapters",
                    List.of(Map.of("adapter", "/home/me/a", "scale", 1))),
                "source",
                base.toString(),
                "base",
                List.of("sha256:12"),
                "data",
                Map.of("prompt", "/ask {q}"))));
    Files.writeString(
        folder.resolve("release.json"),
        Json.line(
            Map.of(
                "nudge_release",
                1,
                "settings",
                Map.of(
                    "model",
                    base.toString(),
                    "data",
                    List.of("/home/me/rows.jsonl"),
                    "prompt",
                    "/ask {q}",
                    "to",
                    "nf4"))));
    publish();
    Map<String, String> sent = new LinkedHashMap<>();
    for (JsonNode seen : Json.tree(log)) {
      for (JsonNode line : seen.path("body")) {
        JsonNode file = line.path("value");
        if (file.has("content")) {
          sent.put(
              file.path("path").asString(),
              new String(
                  Base64.getDecoder().decode(file.path("content").asString()),
                  StandardCharsets.UTF_8));
        }
      }
    }
    assertThat(sent.keySet())
        .containsExactly(
            "README.md",
            "adapter_config.json",
            "config.json",
            "nudge.json",
            "quantize_config.json",
            "release.json",
            "tokenizer_config.json");
    assertThat(sent.values())
        .allSatisfy(
            text ->
                assertThat(text).doesNotContain("/home", "private", folder.toString(), "C:", "\\"));
    assertThat(Json.parse(sent.getOrDefault("adapter_config.json", "")))
        .isEqualTo(Json.parse("{\"r\": 4, \"base_model_name_or_path\": \"tiny-base\"}"));
    assertThat(Json.parse(sent.getOrDefault("nudge.json", "")))
        .isEqualTo(
            Json.parse(
                "{\"merged\":{\"base\":\"tiny-base\",\"adapters\":[{\"adapter\":\"a\",\"scale\":1}]},"
                    + "\"source\":\"tiny-base\",\"base\":[\"sha256:12\"],\"data\":{\"prompt\":\"/ask"
                    + " {q}\"}}"));
    assertThat(Json.parse(sent.getOrDefault("release.json", "")).path("settings"))
        .isEqualTo(
            Json.parse(
                "{\"model\":\"tiny-base\",\"data\":[\"rows.jsonl\"],"
                    + "\"prompt\":\"/ask {q}\",\"to\":\"nf4\"}"));
    assertThat(sent.get("config.json")).contains("\"org/base\"");
    assertThat(sent.get("tokenizer_config.json")).contains("\"base\"");
    assertThat(sent.get("README.md")).contains("A LoRA adapter of `tiny-base`", "| rank | 4 |");
    assertThat(folder.resolve("adapter_config.json")).content().contains(base.toString());
  }

  /// PEFT names a local base there.
  @Test
  void aCardOfItsOwnKeepsNoPath() throws IOException {
    Path card = folder.resolve("README.md");
    Files.writeString(
        card,
        """
        ---
        base_model: /home/me/tiny-base
        tags:
        - base_model:adapter:/home/me/tiny-base
        - lora
        ---
        Made with /home/me.
        """);
    assertThat(LocalPaths.replaced(Map.of("README.md", card)))
        .containsExactly(
            entry(
                "README.md",
                """
                ---
                base_model: tiny-base
                tags:
                - base_model:adapter:tiny-base
                - lora
                ---
                Made with /home/me.
                """));
    Files.writeString(card, "---\nbase_model: org/base\n---\n");
    assertThat(LocalPaths.replaced(Map.of("README.md", card))).isEmpty();
  }

  @Test
  void aLargeFileGoesInPiecesWhereTheHubSaysSo() {
    chunk = 300;
    publish();
    List<Object> pieces =
        log.stream()
            .filter(seen -> String.valueOf(seen.get("path")).startsWith("/store/"))
            .map(
                seen ->
                    (Object) Base64.getDecoder().decode(String.valueOf(seen.get("body"))).length)
            .toList();
    assertThat(pieces).containsExactly(300, 300, 300, 124);
    assertThat(log.stream().filter(s -> "/org/made/complete".equals(s.get("path"))).toList())
        .singleElement()
        .extracting(Json::line)
        .asString()
        .contains("\"partNumber\":4,\"etag\":\"\\\"tag124\\\"\"");
  }

  @Test
  void aStoreThatIsSilentIsGivenUp() throws IOException {
    try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      store = "http://127.0.0.1:" + silent.getLocalPort() + "/x";
      timeout = Duration.ofMillis(50);
      assertThatThrownBy(this::publish)
          .isInstanceOf(RunException.class)
          .hasMessageContaining("adapter_model.safetensors: 127.0.0.1:")
          .hasMessageContaining("did not answer in time; tried 6 times");
    }
  }

  /// A commit of 24 MiB takes 1.2 s, and 0.8 s of silence would end it.
  @Test
  void aSlowLineCommits() throws IOException {
    for (String name : List.of("tokenizer.json", "vocab.json")) {
      Files.write(folder.resolve(name), new byte[9 << 20]);
    }
    slow = true;
    timeout = Duration.ofMillis(200);
    assertThat(publish().commit()).isEqualTo("c".repeat(40));
  }

  @Test
  void whatTheHubNamesAndCannotBeSentIsOneLine() {
    storeHeaders = Map.of("Host", "elsewhere");
    assertThatThrownBy(this::publish)
        .isInstanceOf(RunException.class)
        .hasMessageEndingWith(" cannot be asked as the hub says: restricted header name: \"Host\"");
    storeHeaders = Map.of("X-Key", "a secret\n");
    assertThatThrownBy(this::publish)
        .isInstanceOf(RunException.class)
        .hasMessageNotContaining("secret");
    storeHeaders = Map.of();
    store = "http://127.0.0.1:70000/x";
    assertThatThrownBy(this::publish)
        .isInstanceOf(RunException.class)
        .hasMessageContaining("names a place that files are not sent to");
  }

  @Test
  void whoMayNotIsTold() {
    assertThatThrownBy(
            () ->
                hub(null)
                    .publish(
                        RepoName.parse("org/made"),
                        folder,
                        CardFacts.of(folder, null),
                        false,
                        HubListener.NONE))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("needs a token");
    assertThat(log).isEmpty();
    refused = 403;
    assertThatThrownBy(this::publish)
        .isInstanceOf(InputException.class)
        .hasMessageContaining("refuses to write org/made (403)");
    refused = 500;
    assertThatThrownBy(this::publish)
        .isInstanceOf(RunException.class)
        .hasMessageContaining("answered 500");
  }

  @Test
  void aFolderWithoutWeightsIsNotPublished() throws IOException {
    Files.delete(folder.resolve("adapter_model.safetensors"));
    assertThatThrownBy(this::publish)
        .isInstanceOf(InputException.class)
        .hasMessageContaining("neither safetensors nor GGUF");
  }

  @Test
  void theCardSaysWhatItStandsOnAndHowToLoadIt() throws IOException {
    Files.writeString(
        folder.resolve("adapter_config.json"), "{\"base_model_name_or_path\": \"org/base\"}");
    Files.writeString(
        folder.resolve("nudge.json"),
        "{\"base\": [\"sha256:abc\"], \"data\": {\"rows\": 11, \"tokens\": 229}}");
    Files.writeString(
        folder.resolve("run.json"),
        "{\"settings\": {\"rank\": 16, \"prompt\": \"a|b\\nc\", \"data\": [\"/home/me/rows\"]},"
            + " \"digests\": {\"data\": \"sha256:def\"}, \"totals\": {\"eval_loss_best\": 1.5}}");
    CardFacts run = CardFacts.of(folder, "Apache-2.0");
    CardFacts facts =
        new CardFacts(
            run.licence(),
            run.settings(),
            run.dataDigest(),
            run.totals(),
            Map.of("quiz acc", "0.9"));
    String card = ModelCard.of(RepoName.parse("org/made"), folder, facts);
    assertThat(card)
        .startsWith("---\nbase_model: org/base\nlicense: apache-2.0\nlibrary_name: peft\n")
        .contains("| Digest of the base | sha256:abc |", "| Digest of the rows | sha256:def |")
        .contains("| rank | 16 |", "| prompt | a\\|b c |", "| Held-out loss, best | 1.5 |")
        .contains("| quiz acc | 0.9 |")
        .contains("AutoPeftModelForCausalLM.from_pretrained(\"org/made\")")
        .contains("vllm serve org/base --enable-lora", "convert_lora_to_gguf.py")
        .doesNotContain("/home/me");
  }
}
