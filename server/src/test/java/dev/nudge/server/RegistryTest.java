package dev.nudge.server;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.format.Json;
import dev.nudge.identity.BaseDigest;
import dev.nudge.identity.Identity;
import dev.nudge.registry.Alias;
import dev.nudge.registry.Note;
import dev.nudge.registry.Reference;
import dev.nudge.registry.Registry;
import dev.nudge.registry.Version;
import dev.nudge.registry.VersionState;
import dev.nudge.server.Place.Reply;
import dev.nudge.server.access.NewClient;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.Compute;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// Serves what a registry keeps, while aliases move.
@Timeout(1800)
class RegistryTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String SHORT = "\"max_tokens\": 8";

  @TempDir Path folder;
  private Registry registry;
  private Version first;
  private Version second;
  private Place place;

  @BeforeEach
  void open() throws IOException {
    registry = Registry.open(folder.resolve("registry"));
    first = registry.push("legal", Place.ONE, Note.of("first")).version();
    second = registry.push("legal", Place.OTHER, Note.of("second")).version();
    registry.alias("legal", "champion", first, Alias.Expected.NONE, Note.of(null));
    Path root = Files.createDirectories(folder.resolve("root"));
    place =
        Place.open(
            s ->
                s.withRegistry(folder.resolve("registry"))
                    .withAllowKeylessAdmin(true)
                    .withAdapterRoot(root)
                    .withAdapter("law=registry:legal@champion", "plain=" + Place.ONE));
  }

  @AfterEach
  void close() {
    place.close();
  }

  @Test
  void anAdapterWithMostOfTheTrafficIsMergedAndStaysSoWhereItsAliasMoves() {
    try (Place merging =
        Place.open(
            s ->
                s.withRegistry(folder.resolve("registry"))
                    .withCompute(Compute.FP32) // in bf16 merged weights are rounded
                    .withAdapter(
                        "law=registry:legal@champion", "one=" + Place.ONE, "other=" + Place.OTHER)
                    .withMergeAdapter("law"))) {
      assertThat(said(merging, "law")).isEqualTo(said(merging, "one"));
      assertThat(merged(merging)).containsExactly(first.digest());
      registry.alias("legal", "champion", second, Alias.Expected.ANY, Note.of(null));
      assertThat(said(merging, "law"))
          .isEqualTo(said(merging, "other"))
          .isNotEqualTo(said(merging, "one"));
      assertThat(merged(merging)).contains(second.digest());
    }
  }

  /// The pin is the name's, wherever its alias moves.
  @Test
  void aPinnedNameKeepsWhatItMeans() {
    Place.Reply loaded =
        place.post(
            "/v1/load_lora_adapter",
            "{\"lora_name\": \"kept\", \"lora_path\": \"legal@champion\", \"pinned\": true}");
    assertThat(loaded.status()).as(loaded.text()).isEqualTo(200);
    assertThat(pinned()).containsExactly(first.digest());
    registry.alias("legal", "champion", second, Alias.Expected.ANY, Note.of(null));
    said(place, "kept");
    assertThat(pinned()).containsExactly(second.digest());
    place.post("/v1/unload_lora_adapter", "{\"lora_name\": \"kept\"}");
    assertThat(pinned()).isEmpty();
  }

  private List<String> pinned() {
    List<String> digests = new ArrayList<>();
    for (JsonNode one : place.get("/v1/lora_adapters").json().path("loaded")) {
      if (one.path("pinned").asBoolean()) {
        digests.add(one.path("digest").asString());
      }
    }
    return digests;
  }

  private static String said(Place place, String model) {
    return said(place.post(CHAT, Place.chat(model, "hi", SHORT)));
  }

  private static List<String> merged(Place place) {
    List<String> digests = new ArrayList<>();
    for (JsonNode one : place.get("/v1/load").json().path("adapters")) {
      if (one.path("merged").asBoolean()) {
        digests.add(one.path("digest").asString());
      }
    }
    return digests;
  }

  /// An adapter whose nudge.json names a base.
  private Version pushed(Path adapter, String base) throws IOException {
    Path copy = Files.createDirectories(folder.resolve(base.substring(7, 12)));
    for (String file : List.of("adapter_config.json", "adapter_model.safetensors")) {
      Files.copy(adapter.resolve(file), copy.resolve(file));
    }
    new Identity(List.of(base), null, null, null, Map.of()).write(copy);
    return registry.push("both", copy, Note.of("of " + base)).version();
  }

  @Test
  void anAliasMovedToAnotherBaseIsAnsweredByItsLastUsableVersionAndTheServerSaysSo()
      throws IOException {
    Version own = pushed(Place.ONE, BaseDigest.of(Place.MODEL, Place.MACHINE.cache()));
    Version foreign = pushed(Place.OTHER, "sha256:" + "e".repeat(64));
    registry.alias("both", "champion", own, Alias.Expected.ANY, Note.of(null));
    String before = said(chat("both@champion"));
    for (String route :
        List.of("/v1/adapters/alias", "/v1/registry/adapters/both/aliases/champion")) {
      String body = "{\"name\": \"both\", \"alias\": \"champion\", \"version\": 2, \"why\": \"x\"}";
      Reply refused = place.post(route, body);
      assertThat(refused.status()).as(route).isEqualTo(409);
      assertThat(refused.error("code")).isEqualTo("alias_other_base");
      assertThat(refused.error("message")).contains("\"any_base\": true").doesNotContain("--");
    }
    assertThat(place.get("/health").json().toString()).isEqualTo("{\"status\":\"ok\"}");
    Reply forced =
        place.post(
            "/v1/registry/adapters/both/aliases/champion",
            "{\"version\": 2, \"any_base\": true, \"why\": \"x\"}");
    assertThat(forced.status()).as(forced.text()).isEqualTo(200);
    for (int i = 0; i < 2; i++) {
      Reply reply = chat("both@champion");
      assertThat(said(reply)).isEqualTo(before);
      assertThat(reply.header("X-Adapter")).isEqualTo("both:1");
    }
    assertThat(chat("both:2").status()).isEqualTo(400); // who asks for the version itself is told
    assertThat(place.warnings)
        .filteredOn(line -> line.startsWith("both@champion"))
        .singleElement()
        .asString()
        .startsWith(
            "both@champion moved to version 2, which cannot be served: adapter both:2 was trained"
                + " on another base")
        .endsWith("; version 1 still answers");
    assertThat(place.get("/health").json().path("unusable_aliases").asInt()).isEqualTo(1);
    assertThat(place.get("/v1/models").json().path("data").valueStream())
        .filteredOn(card -> card.path("id").asString().equals("both@champion"))
        .singleElement()
        .matches(card -> card.path("version").asInt() == 1);
    JsonNode alias = place.get("/v1/registry/adapters/both").json().at("/aliases/0");
    assertThat(alias.path("version").asInt()).isEqualTo(2);
    assertThat(alias.path("answers").asInt()).isEqualTo(1);
    assertThat(alias.path("unusable").asString())
        .contains("another base")
        .doesNotContain(folder.toString());
    assertThat(place.get("/v1/adapters/both").json().at("/unusable/0/answers").asInt())
        .isEqualTo(1);
    Reply back =
        place.post(
            "/v1/adapters/rollback",
            "{\"name\": \"both\", \"alias\": \"champion\", \"any_base\": true}");
    assertThat(back.json().path("version").asInt()).as(back.text()).isEqualTo(1);
    assertThat(said(chat("both@champion"))).isEqualTo(before);
    assertThat(place.get("/health").json().has("unusable_aliases")).isFalse();
    assertThat(foreign.number()).isEqualTo(2);
  }

  /// A disk may have been away.
  @Test
  void aVersionThatCouldNotBeServedIsCheckedAgainAfterHalfAMinute() {
    Instant[] now = {Instant.EPOCH};
    List<String> notes = new ArrayList<>();
    List<Integer> checked = new ArrayList<>();
    boolean[] away = {false};
    KeptReferences references = new KeptReferences(registry, notes::add, () -> now[0]);
    references.check(
        served -> {
          checked.add(served.version());
          return away[0] ? "the disk is away" : null;
        });
    assertThat(requireNonNull(references.find("law", "legal@champion")).version()).isEqualTo(1);
    registry.alias("legal", "champion", second, Alias.Expected.ANY, Note.of(null));
    away[0] = true;
    assertThat(requireNonNull(references.find("law", "legal@champion")).version()).isEqualTo(1);
    away[0] = false;
    now[0] = now[0].plusMillis(29_999);
    assertThat(requireNonNull(references.find("law", "legal@champion")).version()).isEqualTo(1);
    assertThat(checked).containsExactly(1, 2);
    now[0] = now[0].plusMillis(1);
    for (int i = 0; i < 2; i++) {
      assertThat(requireNonNull(references.find("law", "legal@champion")).version()).isEqualTo(2);
    }
    assertThat(checked).containsExactly(1, 2, 2);
    assertThat(notes).hasSize(2).last().isEqualTo("legal@champion: version 2 answers, was 1");
  }

  @Test
  void aRestartServesTheRestWhereOneAliasCannotBeServed() throws IOException {
    Version foreign = pushed(Place.OTHER, "sha256:" + "e".repeat(64));
    registry.alias("both", "champion", foreign, Alias.Expected.ANY, Note.of(null));
    place.close();
    place = restarted("law=registry:legal@champion", "both=registry:both@champion");
    assertThat(chat("law").status()).isEqualTo(200);
    Reply refused = chat("both");
    assertThat(refused.status()).isEqualTo(400);
    assertThat(refused.error("message")).contains("was trained on another base");
    assertThat(place.warnings)
        .filteredOn(line -> line.contains("'both' is not served: "))
        .singleElement()
        .asString()
        .contains("was trained on another base")
        .endsWith("; once its alias is at another version, that answers");
    assertThat(place.get("/health").json().path("unusable_aliases").asInt()).isEqualTo(1);
    Version own = pushed(Place.ONE, BaseDigest.of(Place.MODEL, Place.MACHINE.cache()));
    registry.alias(
        "both", "champion", own, Alias.Expected.ANY, new Alias.Force(false, true), Note.of(null));
    assertThat(chat("both").header("X-Adapter")).isEqualTo("both:2");
    assertThat(place.get("/health").json().has("unusable_aliases")).isFalse();
  }

  @Test
  void aServerThatCouldServeNoneOfItsAdaptersDoesNotStartNorOneWhoseFolderIsWrong()
      throws IOException {
    Version foreign = pushed(Place.OTHER, "sha256:" + "e".repeat(64));
    registry.alias("both", "champion", foreign, Alias.Expected.ANY, Note.of(null));
    for (String[] adapters :
        List.of(
            new String[] {"both=registry:both@champion"},
            new String[] {"law=registry:legal@champion", "both=registry:both:1"})) {
      assertThatThrownBy(() -> restarted(adapters).close())
          .isInstanceOf(InputException.class)
          .hasMessageStartingWith("adapter both:1 was trained on another base");
    }
  }

  private Place restarted(String... adapters) {
    return Place.open(s -> s.withRegistry(folder.resolve("registry")).withAdapter(adapters));
  }

  @Test
  void onlyWhatAnAliasIsAtIsDeployedAndProtectionAndBaseAreTold() {
    registry.protect("legal", "champion", null, false, Note.of("it counts"));
    Reply said =
        place.post(
            "/v1/adapters/state",
            "{\"name\": \"legal\", \"version\": 2, \"state\": \"deployed\", \"why\": \"x\"}");
    assertThat(said.status()).isEqualTo(400);
    assertThat(said.error("message"))
        .startsWith("legal:2 has no alias, and only a version with an alias can be deployed");
    JsonNode card = place.get("/v1/adapters/legal").json();
    assertThat(card.at("/versions/0/state").asString()).isEqualTo("deployed");
    assertThat(card.at("/versions/1/state").asString()).isEqualTo("registered");
    assertThat(card.path("protected").toString()).isEqualTo("[\"champion\"]");
    JsonNode page = place.get("/v1/registry/adapters/legal").json();
    assertThat(page.at("/aliases/0/protected").asBoolean()).isTrue();
    assertThat(page.at("/versions/0/base_name").asString()).isEqualTo("grouped-tied");
    assertThat(card.at("/versions/0/base_name")).isEqualTo(page.at("/versions/0/base_name"));
  }

  @Test
  void aFolderBelowTheRootIsPushedAsAVersion() throws IOException {
    Path third = Files.createDirectories(folder.resolve("root/third"));
    for (String file : List.of("adapter_config.json", "adapter_model.safetensors")) {
      Files.copy(Place.OTHER.resolve(file), third.resolve(file));
    }
    Reply pushed =
        place.post(
            "/v1/adapters/push", "{\"name\": \"third\", \"path\": \"third\", \"why\": \"new\"}");
    assertThat(pushed.json().path("version").asInt()).isEqualTo(1);
    assertThat(pushed.json().path("digest").asString()).isEqualTo(second.digest());
    assertThat(said(chat("third:1"))).isEqualTo(said(chat("legal:2")));
    assertThat(
            place
                .post("/v1/adapters/push", "{\"name\": \"third\", \"path\": \"../registry\"}")
                .status())
        .isEqualTo(400);
    assertThat(place.get("/v1/adapters/nix").error("code")).isEqualTo("adapter_not_found");
    assertThat(
            place
                .post("/v1/adapters/push", "{\"name\": \"third\", \"path\": \"nix\"}")
                .error("param"))
        .isEqualTo("path");
  }

  private Reply chat(String model) {
    return place.post(CHAT, Place.chat(model, "hi", SHORT));
  }

  private static String said(Reply reply) {
    return reply.json().at("/choices/0/message/content").asString();
  }

  @Test
  void aVersionAnswersByNameAliasNumberAndDigest() {
    String plain = said(chat("plain"));
    for (String model :
        List.of(
            "law",
            "legal@champion",
            "legal:1",
            "legal@" + first.digest(),
            "legal@" + first.digest().substring(0, 19))) {
      Reply reply = chat(model);
      assertThat(said(reply)).as(model).isEqualTo(plain);
      assertThat(reply.header("X-Adapter")).isEqualTo("legal:1");
      assertThat(reply.header("X-Adapter-Digest")).isEqualTo(first.digest());
      assertThat(reply.json().path("model").asString()).isEqualTo(model);
    }
    assertThat(said(chat("legal:2"))).isNotEqualTo(plain);
    for (String model :
        List.of("legal", "legal@canary", "legal:3", "legal@sha256:" + "0".repeat(64))) {
      assertThat(chat(model).status()).as(model).isEqualTo(404);
    }
    assertThat(place.get("/v1/models/legal@champion").json().path("version").asInt()).isEqualTo(1);
  }

  @Test
  void anAliasThatMovesIsServedFromTheNextRequestOnAndARollbackToo() {
    String old = said(chat("law"));
    Reply moved = place.post("/v1/adapters/alias", alias("2", first.digest()));
    assertThat(moved.status()).as(moved.text()).isEqualTo(200);
    assertThat(chat("law").header("X-Adapter")).isEqualTo("legal:2");
    assertThat(said(chat("law"))).isNotEqualTo(old);
    Reply late = place.post("/v1/adapters/alias", alias("2", first.digest()));
    assertThat(late.status()).isEqualTo(409);
    assertThat(late.header("X-Should-Retry")).isEqualTo("false");
    Reply back =
        place.post(
            "/v1/adapters/rollback",
            "{\"name\": \"legal\", \"alias\": \"champion\", \"why\": \"worse\"}");
    assertThat(back.json().path("version").asInt()).isEqualTo(1);
    assertThat(said(chat("law"))).isEqualTo(old);
    assertThat(place.get("/v1/adapters/legal").json().path("log").toString()).contains("worse");
    registry.alias("legal", "champion", second, Alias.Expected.ANY, Note.of("by another process"));
    assertThat(chat("law").header("X-Adapter")).isEqualTo("legal:2");
  }

  @Test
  void anAliasThatWasNowhereElseStaysAndWhereItIsIsGivenAsADigest() {
    Reply back =
        place.post("/v1/adapters/rollback", "{\"name\": \"legal\", \"alias\": \"champion\"}");
    assertThat(back.status()).isEqualTo(409);
    assertThat(back.error("code")).isEqualTo("nowhere_back");
    assertThat(back.error("param")).isEqualTo("alias");
    assertThat(back.error("message")).contains("was at no other version before");
    Reply wrong = place.post("/v1/adapters/alias", alias("2", "1"));
    assertThat(wrong.status()).isEqualTo(400);
    assertThat(wrong.error("param")).isEqualTo("expected");
    String shown = first.digest().substring(0, 19);
    assertThat(place.post("/v1/adapters/alias", alias("2", shown)).status()).isEqualTo(200);
    assertThat(place.post("/v1/adapters/alias", alias("1", shown)).status()).isEqualTo(409);
  }

  @Test
  void aWarningOfAVersionCallsItByItsNameAndComesOnce() {
    for (int i = 0; i < 2; i++) {
      assertThat(chat("legal:2").status()).isEqualTo(200);
      assertThat(chat("legal@" + second.digest()).status()).isEqualTo(200);
    }
    assertThat(place.warnings)
        .filteredOn(line -> line.startsWith("adapter legal:"))
        .satisfiesExactlyInAnyOrder(
            line -> assertThat(line).startsWith("adapter legal:1 has no nudge.json: "),
            line -> assertThat(line).startsWith("adapter legal:2 has no nudge.json: "));
    assertThat(place.warnings).noneMatch(line -> line.contains("registry"));
  }

  private static String alias(String version, String expected) {
    return "{\"name\": \"legal\", \"alias\": \"champion\", \"version\": %s, \"expected\": \"%s\"}"
        .formatted(version, expected);
  }

  @Test
  void anAnswerUnderWayKeepsTheVersionThatItBeganWith() throws Exception {
    String body = Place.chat("law", "hi", "\"max_tokens\": 200, \"ignore_eos\": true");
    String old = said(place.post(CHAT, body));
    HttpRequest request =
        HttpRequest.newBuilder(place.url(CHAT))
            .header("Content-Type", "application/json")
            .POST(
                HttpRequest.BodyPublishers.ofString(
                    body.replaceFirst("\\{", "{\"stream\": true, ")))
            .build();
    HttpResponse<Stream<String>> streamed;
    try (HttpClient client = HttpClient.newHttpClient()) {
      streamed = client.send(request, HttpResponse.BodyHandlers.ofLines());
      StringBuilder text = new StringBuilder();
      Iterator<String> lines = streamed.body().iterator();
      int pieces = 0;
      while (lines.hasNext()) {
        String line = lines.next();
        if (line.startsWith("data: {")) {
          text.append(Json.parse(line.substring(6)).at("/choices/0/delta/content").asString(""));
          if (++pieces == 3) { // it is under way
            registry.alias("legal", "champion", second, Alias.Expected.ANY, Note.of(null));
            assertThat(chat("law").header("X-Adapter")).isEqualTo("legal:2");
          }
        }
      }
      assertThat(text).hasToString(old);
      assertThat(pieces).isGreaterThan(10);
    }
    assertThat(streamed.headers().firstValue("X-Adapter-Digest")).hasValue(first.digest());
    assertThat(said(place.post(CHAT, body))).isNotEqualTo(old);
    assertThat(place.warnings)
        .filteredOn(line -> line.startsWith("legal@champion"))
        .containsExactly("legal@champion: version 2 answers, was 1");
  }

  @Test
  void aKeyForAServedNameIsNoKeyForTheRegistrysAdapterOfThatName() {
    Path keys = folder.resolve("keys.json");
    String key = new NewClient("acme", List.of("legal"), null, null, null).addTo(keys);
    String[] bearer = {"Authorization", "Bearer " + key};
    place.close();
    place =
        Place.open(
            s ->
                s.withRegistry(folder.resolve("registry"))
                    .withApiKeys(keys)
                    .withAdapter("legal=" + Place.ONE));
    assertThat(place.post(CHAT, Place.chat("legal", "hi", SHORT), bearer).status()).isEqualTo(200);
    for (String other : List.of("legal:2", "legal@champion", "legal@" + first.digest())) {
      Reply reply = place.post(CHAT, Place.chat(other, "hi", SHORT), bearer);
      assertThat(reply.status()).as(other).isEqualTo(403);
    }
    place.close();
    place =
        Place.open(
            s ->
                s.withRegistry(folder.resolve("registry"))
                    .withApiKeys(keys)
                    .withAdapter("legal=registry:legal@champion"));
    assertThat(place.post(CHAT, Place.chat("legal:2", "hi", SHORT), bearer).status())
        .isEqualTo(200);
  }

  @Test
  void whatIsBlockedIsNotServed() {
    Reply state =
        place.post(
            "/v1/adapters/state",
            "{\"name\": \"legal\", \"version\": 2, \"state\": \"blocked\", \"why\": \"it leaks"
                + " names\"}");
    assertThat(state.json().path("state").asString()).isEqualTo("blocked");
    Reply reply = chat("legal:2");
    assertThat(reply.status()).isEqualTo(403);
    assertThat(reply.error("code")).isEqualTo("adapter_blocked");
    assertThat(reply.error("message")).isEqualTo("'legal:2' is blocked");
    assertThat(place.get("/v1/adapters/legal").json().path("log").toString())
        .contains("it leaks names");
    registry.state(Reference.parse("legal:1"), VersionState.BLOCKED, Note.of(null));
    assertThat(chat("law").error("message")).isEqualTo("'law' is blocked");
    assertThat(place.get("/v1/adapters").json().at("/data/0/versions")).hasSize(2);
  }
}
