package dev.nudge.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.server.Place.Reply;
import dev.nudge.server.access.ApiKeys;
import dev.nudge.server.access.ClientUsage;
import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Quota;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// A key for each client, and one to move adapters with.
@Timeout(1800)
class ClientsTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String SHORT = "\"max_tokens\": 2";
  private static final String ADMIN = "an-admin-key-of-this-test";

  @TempDir Path folder;
  private final String acme = ApiKeys.make();
  private final String hasty = ApiKeys.make();
  private final String lost = ApiKeys.make();
  private final String daily = ApiKeys.make();
  private Path keys;
  private Path audit;
  private Path admin;
  private Path root;
  private Place place;

  @BeforeEach
  void open() throws IOException {
    keys = folder.resolve("keys.json");
    audit = folder.resolve("audit.jsonl");
    Files.writeString(
        keys,
        """
        {"clients": [
          {"name": "acme", "key": "%s", "adapters": ["one"], "default_adapter": "one"},
          {"name": "hasty", "key": "%s", "requests_per_minute": 2, "tokens_per_day": 1000000},
          {"name": "lost", "key": "%s", "adapters": ["one"], "requests_per_minute": 1},
          {"name": "daily", "key": "%s", "tokens_per_day": 1}]}
        """
            .formatted(
                ApiKeys.digest(acme),
                ApiKeys.digest(hasty),
                ApiKeys.digest(lost),
                ApiKeys.digest(daily)));
    admin = Files.writeString(folder.resolve("admin"), ADMIN + "\n");
    root = Files.createDirectory(folder.resolve("root"));
    copy(Place.OTHER, root.resolve("third"));
    Files.createSymbolicLink(root.resolve("link"), Place.ONE.toAbsolutePath());
    place = serve();
  }

  private Place serve() {
    return Place.open(
        s -> s.withApiKeys(keys).withAdminKeyFile(admin).withAdapterRoot(root).withAuditLog(audit));
  }

  @AfterEach
  void close() {
    place.close();
  }

  private static void copy(Path from, Path to) throws IOException {
    Files.createDirectory(to);
    for (String file : List.of("adapter_config.json", "adapter_model.safetensors")) {
      Files.copy(from.resolve(file), to.resolve(file));
    }
  }

  private Reply chat(String key, String model) {
    return place.post(
        CHAT, Place.chat(model, "a secret word", SHORT), "Authorization", "Bearer " + key);
  }

  @Test
  void aKeyIsAskedForAndOnlyItsAdaptersAnswer() {
    Reply none = place.post(CHAT, Place.chat("one", "hi", SHORT));
    assertThat(none.status()).isEqualTo(401);
    assertThat(none.error("code")).isEqualTo("invalid_api_key");
    assertThat(none.header("WWW-Authenticate")).isEqualTo("Bearer");
    assertThat(chat("sk-nudge-other", "one").status()).isEqualTo(401);
    assertThat(chat(acme, "one").status()).isEqualTo(200);
    for (String model : List.of("other", "base", "nix")) {
      assertThat(chat(acme, model).status()).as(model).isEqualTo(403);
    }
    assertThat(chat(acme, "").json().path("model").asString()).isEqualTo("one");
    JsonNode models = place.get("/v1/models", "Authorization", "Bearer " + acme).json();
    assertThat(models.path("data").valueStream().map(m -> m.path("id").asString()).toList())
        .containsExactly("one");
    assertThat(place.get("/health").status()).isEqualTo(200);
    assertThat(place.get("/metrics").status()).isEqualTo(401);
    assertThat(place.get("/metrics", "Authorization", "Bearer " + acme).status()).isEqualTo(403);
    assertThat(place.get("/metrics", "Authorization", "Bearer " + ADMIN).status()).isEqualTo(200);
  }

  @Test
  void aClientThatAsksTooOftenIsToldWhenToComeBack() {
    assertThat(chat(hasty, "base").status()).isEqualTo(200);
    assertThat(chat(hasty, "other").status()).isEqualTo(200);
    Reply third = chat(hasty, "base");
    assertThat(third.status()).isEqualTo(429);
    assertThat(Integer.parseInt(third.header("Retry-After"))).isBetween(1, 60);
    assertThat(third.header("X-Should-Retry")).isEqualTo("true");
    assertThat(chat(acme, "one").status()).isEqualTo(200);
  }

  @Test
  void whatAClientMayNotAskCountsAgainstNobody() {
    for (int i = 0; i < 3; i++) {
      assertThat(chat(lost, "other").status()).isEqualTo(403);
    }
    assertThat(chat(lost, "one").status()).isEqualTo(200);
    assertThat(chat(lost, "other").status()).isEqualTo(429);
    assertThat(chat(lost, "one").status()).isEqualTo(429);
  }

  @Test
  void aKeyThatIsTakenOutOfTheFileIsShutOut() throws IOException {
    assertThat(chat(acme, "one").status()).isEqualTo(200);
    Files.writeString(keys, "{\"clients\": []}");
    assertThat(chat(acme, "one").status()).isEqualTo(401);
  }

  @Test
  void adaptersAreLoadedAndUnloadedByTheAdminAlone() {
    String load = "{\"lora_name\": \"third\", \"lora_path\": \"third\"}";
    assertThat(place.post("/v1/load_lora_adapter", load).status()).isEqualTo(401);
    assertThat(
            place.post("/v1/load_lora_adapter", load, "Authorization", "Bearer " + acme).status())
        .isEqualTo(403);
    Reply loaded = admin("/v1/load_lora_adapter", load);
    assertThat(loaded.status()).as(loaded.text()).isEqualTo(200);
    assertThat(loaded.text()).isEqualTo("Success: LoRA adapter 'third' added successfully.");
    assertThat(chat(hasty, "third").status()).isEqualTo(200);
    assertThat(admin("/v1/load_lora_adapter", load).status()).isEqualTo(400);
    assertThat(
            admin(
                    "/v1/load_lora_adapter",
                    "{\"lora_name\": \"third\", \"lora_path\": \"third\", \"load_inplace\": true}")
                .status())
        .isEqualTo(200);
    assertThat(admin("/v1/unload_lora_adapter", "{\"lora_name\": \"third\"}").status())
        .isEqualTo(200);
    assertThat(chat(hasty, "third").status()).isEqualTo(404);
    assertThat(admin("/v1/unload_lora_adapter", "{\"lora_name\": \"third\"}").status())
        .isEqualTo(404);
    assertThat(admin("/v1/load_lora_adapter", "{}").error("param")).isEqualTo("lora_name");
  }

  private Reply admin(String path, String body) {
    return place.post(path, body, "Authorization", "Bearer " + ADMIN);
  }

  @Test
  void noPathLeadsOutOfTheRoot() {
    String outside = Place.ONE.toAbsolutePath().normalize().toString();
    for (String path :
        List.of(
            outside,
            "../root/../keys.json",
            "third/../../admin",
            "link",
            ".",
            "",
            "third\\u0000x")) {
      Reply reply =
          admin(
              "/v1/load_lora_adapter",
              "{\"lora_name\": \"fourth\", \"lora_path\": \"%s\"}".formatted(path));
      assertThat(reply.status()).as(path).isEqualTo(400);
      assertThat(reply.text()).doesNotContain(folder.toString());
    }
  }

  @Test
  void theAuditLogSaysWhoAndWhatAndNoWordOfIt() throws IOException {
    chat(acme, "one");
    chat(acme, "other");
    place.get("/v1/models", "Authorization", "Bearer " + acme);
    await(3);
    List<JsonNode> lines = Files.readAllLines(audit).stream().map(Place.JSON::readTree).toList();
    JsonNode good = lines.getFirst();
    assertThat(good.path("client").asString()).isEqualTo("acme");
    assertThat(good.path("status").asInt()).isEqualTo(200);
    assertThat(good.path("adapter_digest").asString()).startsWith("sha256:");
    assertThat(good.path("completion_tokens").asInt()).isEqualTo(2);
    assertThat(lines.get(1).path("status").asInt()).isEqualTo(403);
    assertThat(lines.get(1).path("model").asString()).isEqualTo("other");
    assertThat(Files.readString(audit)).doesNotContain("secret").doesNotContain(acme);
  }

  /// A line is written when its reply is out already.
  private void await(int lines) throws IOException {
    while (Files.readAllLines(audit).size() < lines) {
      try {
        Thread.sleep(10);
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
  }

  @Test
  void aFileOfKeysThatIsBrokenIsRefusedInALine() throws IOException {
    for (String text :
        List.of(
            "[]", "{", "{\"clients\": [{\"name\": \"a\"}]}", "{\"clients\": [{\"colour\": 1}]}")) {
      Path broken = Files.writeString(folder.resolve("broken.json"), text);
      assertThatThrownBy(() -> ApiKeys.read(broken))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("broken.json");
    }
    assertThatThrownBy(() -> ApiKeys.read(folder.resolve("none")))
        .hasMessageContaining("cannot be read");
  }

  /// A clock that a test moves.
  private static final class Moved extends Clock {
    private Instant now = Instant.parse("2026-11-28T23:59:00Z");

    @Override
    public ZoneId getZone() {
      return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
      return this;
    }

    @Override
    public Instant instant() {
      return now;
    }
  }

  @Test
  void tokensOfTheDayAreOnTheDiskWithinSecondsAndOutliveTheServer() throws Exception {
    Moved clock = new Moved();
    Path file = folder.resolve("other.json");
    ClientUsage killed = ClientUsage.beside(file, clock); // it is never closed
    killed.start(line -> {});
    killed.quota("acme").begin(null, 10L);
    killed.quota("acme").used(7);
    Path kept = folder.resolve("other.json.used");
    while (!Files.exists(kept)) {
      Thread.sleep(10);
    }
    JsonNode written = Place.JSON.readTree(Files.readString(kept));
    assertThat(written.path("day").asString()).isEqualTo("2026-11-28");
    assertThat(written.path("tokens")).isEqualTo(Place.JSON.readTree("{\"acme\": 7}"));
    ClientUsage next = ClientUsage.beside(file, clock);
    next.quota("acme").begin(null, 10L);
    next.quota("acme").used(3);
    next.quota("idle").begin(null, 10L);
    next.close();
    ClientUsage last = ClientUsage.beside(file, clock);
    last.quota("idle").begin(null, 1L);
    assertThatThrownBy(() -> last.quota("acme").begin(null, 10L))
        .isInstanceOfSatisfying(
            ApiException.class, e -> assertThat(e.code()).isEqualTo("insufficient_quota"));
    clock.now = clock.now.plus(Duration.ofDays(1));
    last.quota("acme").begin(null, 10L);
    last.close();
    ClientUsage.beside(file, clock).quota("acme").begin(null, 10L);
    killed.close();
  }

  @Test
  void aFileOfTokensThatCannotBeReadOrWrittenIsToldInALine() throws IOException {
    List<String> told = new ArrayList<>();
    Path file = folder.resolve("other.json");
    for (String damaged : List.of("", "{\"day\": 3}", "{\"day\": \"2026-13-01\"}", "[1, 2")) {
      Files.writeString(folder.resolve("other.json.used"), damaged);
      told.clear();
      ClientUsage usage = ClientUsage.beside(file, Clock.systemUTC());
      usage.start(told::add);
      assertThat(told)
          .singleElement()
          .asString()
          .endsWith(".used cannot be read, so the day's tokens are counted anew: it is damaged");
      usage.quota("a").begin(null, 1L);
      usage.close();
    }
    told.clear();
    ClientUsage nowhere = ClientUsage.beside(folder.resolve("none/keys.json"), Clock.systemUTC());
    nowhere.start(told::add);
    nowhere.quota("a").used(3);
    nowhere.save();
    nowhere.save();
    nowhere.close();
    assertThat(told)
        .singleElement()
        .asString()
        .startsWith("the day's tokens of clients cannot be kept, so a restart forgets them: ");
  }

  private void restart() {
    place.close();
    place = serve();
  }

  private void askedTooMuch() {
    Reply refused = chat(daily, "base");
    assertThat(refused.status()).as(refused.text()).isEqualTo(429);
    assertThat(refused.error("code")).isEqualTo("insufficient_quota");
  }

  @Test
  void aServerThatStartsAgainGoesOnWithWhatItsClientsHaveUsed() throws Exception {
    Reply answer = chat(daily, "base"); // it had no token yet, so it gets all of the answer
    assertThat(answer.status()).isEqualTo(200);
    int used = answer.json().at("/usage/total_tokens").asInt();
    assertThat(used).isGreaterThan(2);
    Path kept = folder.resolve("keys.json.used");
    while (!Files.exists(kept)) {
      Thread.sleep(10); // it is written while the server runs
    }
    JsonNode tokens = Place.JSON.readTree(Files.readString(kept)).path("tokens");
    assertThat(tokens.propertyNames()).containsExactly("daily");
    assertThat(tokens.path("daily").asInt()).isEqualTo(used);
    askedTooMuch();
    restart();
    askedTooMuch();
    assertThat(chat(hasty, "base").status()).isEqualTo(200);
    restart(); // what is written at the end alone: the rest of seconds
    tokens = Place.JSON.readTree(Files.readString(kept)).path("tokens");
    assertThat(tokens.path("daily").asInt()).isEqualTo(used);
    assertThat(tokens.path("hasty").asInt()).isGreaterThan(2);
    askedTooMuch();
  }

  @Test
  void aClientThatIsTakenOutAndPutBackKeepsItsCount() throws IOException {
    String all = Files.readString(keys);
    String without = all.replaceAll(",\\s*\\{\"name\": \"daily\"[^}]*\\}", "");
    assertThat(chat(daily, "base").status()).isEqualTo(200);
    Files.writeString(keys, without);
    assertThat(chat(daily, "base").status()).isEqualTo(401);
    Files.writeString(keys, all);
    askedTooMuch();
    Files.writeString(keys, without);
    restart();
    assertThat(chat(daily, "base").status()).isEqualTo(401);
    assertThat(chat(hasty, "base").status()).isEqualTo(200);
    restart(); // and the one between has written
    Files.writeString(keys, all);
    askedTooMuch();
  }

  @Test
  void quotasComeBackWithTheMinuteAndTheDay() {
    Moved clock = new Moved();
    Quota quota = new Quota(clock);
    quota.begin(1L, 10L);
    assertThatThrownBy(() -> quota.begin(1L, 10L))
        .isInstanceOfSatisfying(
            ApiException.class, e -> assertThat(e.code()).isEqualTo("rate_limit_exceeded"));
    quota.used(10);
    assertThatThrownBy(() -> quota.begin(5L, 10L))
        .isInstanceOfSatisfying(
            ApiException.class,
            e -> {
              assertThat(e.code()).isEqualTo("insufficient_quota");
              assertThat(e.retryAfter()).isEqualTo(61);
              assertThat(e)
                  .hasMessage(
                      "this key may use 10 tokens a day, and has used them; there are more from"
                          + " 00:00 UTC on");
            });
    clock.now = clock.now.plus(Duration.ofSeconds(61));
    quota.begin(1L, 10L);
  }
}
