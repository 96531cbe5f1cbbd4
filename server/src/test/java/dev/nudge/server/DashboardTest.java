package dev.nudge.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.registry.Alias;
import dev.nudge.registry.Note;
import dev.nudge.registry.Reference;
import dev.nudge.registry.Registry;
import dev.nudge.registry.VersionState;
import dev.nudge.server.Place.Reply;
import dev.nudge.server.access.ApiKeys;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/// What the page at `/ui` asks of a server.
@Timeout(1800)
class DashboardTest {
  private static final String ADAPTERS = "/v1/registry/adapters";
  private static final String ADMIN = "an-admin-key-of-this-test";
  private static final String CLIENT = "a-key-of-a-client-of-this-test";
  @TempDir Path folder;
  private Path root;
  private Registry registry;

  @BeforeEach
  void register() {
    root = folder.resolve("registry");
    registry = Registry.open(root);
    registry.push("support", Place.ONE, Note.by("maria", "first"));
    registry.push("support", Place.OTHER, Note.by("maria", "second"));
    registry.push("legal", Place.ONE, Note.by("jun", null));
    for (int version : new int[] {1, 2}) {
      registry.alias(
          "support",
          "champion",
          registry.find(Reference.parse("support:" + version)),
          Alias.Expected.ANY,
          Note.by("maria", "to " + version));
    }
  }

  private Place open() {
    return Place.open(s -> s.withRegistry(root).withAllowKeylessAdmin(true));
  }

  private Place withKeys(String adapters) throws IOException {
    Path admin = folder.resolve("admin.key");
    Files.writeString(admin, ADMIN);
    Path keys = folder.resolve("keys.json");
    Files.writeString(
        keys,
        "{\"clients\": [{\"name\": \"shop\", \"key\": \"%s\"%s}]}"
            .formatted(ApiKeys.digest(CLIENT), adapters));
    return Place.open(s -> s.withRegistry(root).withAdminKeyFile(admin).withApiKeys(keys));
  }

  private static String[] key(String key) {
    return new String[] {"Authorization", "Bearer " + key};
  }

  @Test
  void thePageComesWithAPolicyThatLetsNothingElseRun() {
    try (Place place = open()) {
      Reply page = place.get("/ui/");
      assertThat(page.status()).isEqualTo(200);
      assertThat(page.header("Content-Type")).startsWith("text/html");
      assertThat(page.header("Content-Security-Policy"))
          .startsWith("default-src 'none'; script-src 'self'; style-src 'self';")
          .contains("frame-ancestors 'none'", "require-trusted-types-for 'script'")
          .doesNotContain("unsafe");
      assertThat(page.header("X-Content-Type-Options")).isEqualTo("nosniff");
      assertThat(place.get("/ui/app.js").header("Content-Type")).startsWith("text/javascript");
      Reply moved = place.get("/ui");
      assertThat(moved.status()).isEqualTo(308);
      assertThat(moved.header("Location")).isEqualTo("/ui/");
      Reply home = place.get("/", "Accept", "text/html,application/xhtml+xml,*/*;q=0.8");
      assertThat(home.status()).isEqualTo(302);
      assertThat(home.header("Location")).isEqualTo("/ui/");
      assertThat(home.header("Vary")).isEqualTo("Accept");
      Reply program = place.get("/", "Accept", "application/json");
      assertThat(program.status()).isEqualTo(404);
      assertThat(program.error("code")).isEqualTo("unknown_url");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/ui/nothing.js",
        "/ui/../pom.xml",
        "/ui/%2e%2e/%2e%2e/pom.xml",
        "/ui/..%2f..%2fpom.xml",
        "/ui/Dashboard.class",
        "/ui//etc/passwd"
      })
  void nothingButThePageIsBelowIt(String path) {
    try (Place place = open()) {
      Reply reply = place.get(path);
      assertThat(reply.status()).isIn(400, 404);
      assertThat(reply.header("X-Should-Retry")).isEqualTo("false");
    }
  }

  @Test
  void adaptersAreToldWithVersionsAliasesAndHistoryButNoFolder() {
    try (Place place = open()) {
      JsonNode all = place.get(ADAPTERS).json().path("data");
      assertThat(all.findValuesAsString("name")).containsExactly("legal", "support");
      JsonNode support = place.get(ADAPTERS + "/support").json();
      assertThat(support).isEqualTo(all.get(1));
      JsonNode second = support.path("versions").get(1);
      assertThat(second.path("number").asInt()).isEqualTo(2);
      assertThat(second.path("digest").asString())
          .isEqualTo(registry.find(Reference.parse("support:2")).digest());
      assertThat(second.path("state").asString()).isEqualTo("deployed");
      assertThat(second.path("why").asString()).isEqualTo("second");
      JsonNode alias = support.path("aliases").get(0);
      assertThat(alias.path("version").asInt()).isEqualTo(2);
      assertThat(alias.path("before").asInt()).isEqualTo(1);
      JsonNode log = place.get(ADAPTERS + "/support/log").json().path("data");
      assertThat(log.findValuesAsString("event")).endsWith("alias", "alias");
      assertThat(place.get(ADAPTERS + "/nobody").text())
          .contains("adapter_not_found")
          .doesNotContain(folder.toString());
      assertThat(all.toString() + support + log).doesNotContain(folder.toString());
    }
  }

  @Test
  void aVersionNamesTheOneThatItsTrainingWentOnFrom() throws IOException {
    Path next = Files.createDirectories(folder.resolve("next"));
    for (String file : new String[] {"adapter_config.json", "adapter_model.safetensors"}) {
      Files.copy(Place.OTHER.resolve(file), next.resolve(file));
    }
    Path first = registry.resolve(Reference.parse("legal:1")).folder();
    Files.writeString(
        next.resolve("run.json"),
        "{\"id\": \"1\", \"settings\": {\"init_adapter\": \"%s\"}, \"digests\": {}}"
            .formatted(first));
    registry.push("legal", next, Note.by("jun", "more"));
    try (Place place = open()) {
      JsonNode versions = place.get(ADAPTERS + "/legal").json().path("versions");
      assertThat(versions.get(0).path("parent").isNull()).isTrue();
      assertThat(versions.get(1).path("parent").asString())
          .isEqualTo(versions.get(0).path("digest").asString());
    }
  }

  @Test
  void anAliasMovesGoesBackAndSaysWhoAndWhy() throws IOException {
    try (Place place = withKeys("")) {
      String path = ADAPTERS + "/support/aliases/champion";
      String body = "{\"version\": 1, \"expected\": 2, \"why\": \"slower\"}";
      assertThat(place.post(path, body).status()).isEqualTo(401);
      assertThat(place.post(path, body, key(CLIENT)).error("code")).isEqualTo("not_admin");
      Reply moved = place.post(path, body, key(ADMIN));
      assertThat(moved.status()).isEqualTo(200);
      assertThat(moved.json().path("version").asInt()).isEqualTo(1);
      Reply back = place.post(path + "/rollback", "{\"why\": \"no\"}", key(ADMIN));
      assertThat(back.json().path("version").asInt()).isEqualTo(2);
      JsonNode last = place.get(ADAPTERS + "/support/log", key(CLIENT)).json().path("data").get(5);
      assertThat(last.path("event").asString()).isEqualTo("rollback");
      assertThat(last.path("by").asString()).isEqualTo("admin");
      assertThat(last.path("why").asString()).isEqualTo("no");
    }
  }

  @Test
  void whoLosesACompareAndSwapIsToldNotToTryAgain() {
    try (Place place = open()) {
      String path = ADAPTERS + "/support/aliases/";
      Reply late =
          place.post(path + "champion", "{\"version\": 1, \"expected\": 1, \"why\": \"w\"}");
      assertThat(late.status()).isEqualTo(409);
      assertThat(late.error("code")).isEqualTo("alias_moved");
      assertThat(late.header("X-Should-Retry")).isEqualTo("false");
      assertThat(
              place.post(path + "champion/rollback", "{\"expected\": 1, \"why\": \"w\"}").status())
          .isEqualTo(409);
      assertThat(
              place
                  .post(path + "champion", "{\"version\": 1, \"expected\": null, \"why\": \"w\"}")
                  .status())
          .isEqualTo(409);
      assertThat(
              place
                  .post(path + "canary", "{\"version\": 1, \"expected\": null, \"why\": \"w\"}")
                  .status())
          .isEqualTo(200);
      assertThat(registry.find(Reference.parse("support@champion")).number()).isEqualTo(2);
    }
  }

  @Test
  void mistakesAreToldInOneLine() {
    registry.state(Reference.parse("legal:1"), VersionState.BLOCKED, Note.by("jun", "wrong"));
    try (Place place = open()) {
      String path = ADAPTERS + "/legal/aliases/champion";
      assertThat(place.post(path, "{\"version\": 1}").error("message"))
          .isEqualTo("'why' is missing");
      assertThat(place.post(path, "{\"why\": \"w\"}").error("message"))
          .isEqualTo("'version' is missing");
      assertThat(place.post(path, "{\"version\": 1, \"why\": \"w\"}").error("code"))
          .isEqualTo("adapter_blocked");
      assertThat(place.post(path, "{\"version\": 9, \"why\": \"w\"}").error("code"))
          .isEqualTo("adapter_not_found");
      assertThat(place.post(path + "/rollback", "{\"why\": \"w\"}").status()).isEqualTo(404);
      assertThat(place.post(path + "/other", "{\"why\": \"w\"}").error("code"))
          .isEqualTo("unknown_url");
      assertThat(
              place
                  .post(ADAPTERS + "/legal/aliases/a%20b", "{\"version\": 1, \"why\": \"w\"}")
                  .status())
          .isEqualTo(400);
    }
  }

  @Test
  void aClientSeesWhatItMayUseAndNoMore() throws IOException {
    try (Place place = withKeys(", \"adapters\": [\"support@champion\"]")) {
      assertThat(place.get(ADAPTERS).status()).isEqualTo(401);
      assertThat(place.get(ADAPTERS, key(CLIENT)).json().path("data").findValuesAsString("name"))
          .containsExactly("support");
      assertThat(place.get(ADAPTERS + "/legal", key(CLIENT)).status()).isEqualTo(404);
      assertThat(place.get(ADAPTERS + "/legal/log", key(CLIENT)).status()).isEqualTo(404);
      assertThat(place.get("/v1/runs", key(CLIENT)).status()).isEqualTo(403);
      assertThat(place.get("/v1/runs", key(ADMIN)).status()).isEqualTo(200);
    }
  }

  @Test
  void runsAreFoundByTheirIdsAndToldWithoutFolders() throws IOException {
    Path runs = Files.createDirectories(folder.resolve("runs"));
    Path one = Files.createDirectories(runs.resolve("first-try"));
    Files.writeString(
        one.resolve("run.json"),
        """
        {"id": "20261128-1", "state": "finished", "started": "2026-11-28T10:00:00Z",
         "settings": {"model": "%s/base", "method": "lora", "quantize": "none", "rank": 8,
           "data": ["%s/secret.jsonl"], "learning_rate": 2e-4},
         "planned_steps": 3, "totals": {"steps": 3, "tokens": 300, "seconds": 2.0,
           "last_loss": 1.5, "eval_loss_best": 1.75}}
        """
            .formatted(folder, folder));
    Files.writeString(
        one.resolve("metrics.jsonl"),
        """
        {"step": 0, "eval_loss": 2.5}
        {"step": 1, "loss": 2.0}
        {"step": 2, "loss": null}
        {"step": 3, "loss": 1.5}
        {"step": 3, "eval_loss": 1.75}
        """);
    Files.createDirectories(runs.resolve("broken"));
    Files.writeString(runs.resolve("broken").resolve("run.json"), "{");
    try (Place place = Place.open(s -> s.withRegistry(root).withRuns(runs.toString()))) {
      JsonNode all = place.get("/v1/runs").json().path("data");
      assertThat(all).hasSize(1);
      assertThat(all.get(0).path("name").asString()).isEqualTo("first-try");
      assertThat(all.get(0).path("model").asString()).isEqualTo("base");
      place.get("/v1/runs");
      assertThat(place.warnings.stream().filter(w -> w.contains("broken"))).hasSize(1);
      JsonNode run = place.get("/v1/runs/20261128-1").json();
      assertThat(run.path("curves").path("train").toString()).isEqualTo("[[1.0,2.0],[3.0,1.5]]");
      assertThat(run.path("curves").path("held_out").toString())
          .isEqualTo("[[0.0,2.5],[3.0,1.75]]");
      assertThat(run.path("settings").path("rank").asInt()).isEqualTo(8);
      assertThat(run.toString() + all).doesNotContain(folder.toString(), "secret");
      for (String path :
          new String[] {"first-try", "..", "%2Fetc", one.toString().replace("/", "%2F"), "2026"}) {
        assertThat(place.get("/v1/runs/" + path).status()).as(path).isIn(400, 404);
      }
    }
  }

  @Test
  void aFolderOfRunsThatIsNotThereIsToldBeforeTheModelIsLoaded() {
    Path nowhere = folder.resolve("nowhere");
    assertThatThrownBy(
            () -> Place.open(s -> s.withModel(nowhere).withRuns(nowhere.toString())).close())
        .isInstanceOf(InputException.class)
        .hasMessage("--runs is %s; there is no such folder", nowhere);
  }

  @Test
  void theLoadCountsWhatWasServedAndIsLoaded() {
    try (Place place = open()) {
      JsonNode before = place.get("/v1/load").json();
      String digest = registry.find(Reference.parse("support:2")).digest();
      assertThat(before.path("adapters").findValuesAsString("digest")).doesNotContain(digest);
      place.post("/v1/chat/completions", Place.chat("support:2", "hello", "\"max_tokens\": 4"));
      JsonNode after = place.get("/v1/load").json();
      assertThat(after.path("adapters").findValuesAsString("digest")).contains(digest);
      assertThat(after.path("adapters").get(0).path("bytes").asLong()).isPositive();
      assertThat(after.path("adapter_bytes").asLong()).isPositive();
      assertThat(
              after.path("generation_tokens").asLong() - before.path("generation_tokens").asLong())
          .isBetween(1L, 4L);
      assertThat(after.path("key_blocks").asInt()).isPositive();
    }
  }

  @Test
  void withoutARegistryThereAreNoAdaptersInIt() {
    try (Place place = Place.open(s -> s.withRegistry(folder.resolve("none")))) {
      assertThat(place.get(ADAPTERS).json().path("data")).isEmpty();
      assertThat(place.get(ADAPTERS + "/support").status()).isEqualTo(404);
    }
  }
}
