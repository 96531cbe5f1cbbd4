package dev.nudge.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.registry.Alias;
import dev.nudge.registry.Note;
import dev.nudge.registry.Registry;
import dev.nudge.server.Place.Reply;
import dev.nudge.server.access.NewClient;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// What pages of other sites and programs without a key may do: each row of the table "Callers
/// without a key" of docs/reference/server.md.
@Timeout(1800)
class CallersTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String HI = Place.chat("base", "hi", "\"max_tokens\": 1");
  private static final String ORIGIN = "Origin";
  private static final List<String> SHOWN =
      List.of(
          "/v1/models",
          "/v1/registry/adapters",
          "/v1/runs",
          "/v1/load",
          "/v1/lora_adapters",
          "/v1/adapters",
          "/metrics",
          "/version",
          "/ui/",
          "/nothing");

  @TempDir Path folder;

  /// A request as it is on the wire, because Java's client sets Host itself.
  ///
  static String raw(Place place, String line, String headers, String body) {
    String text =
        "%s HTTP/1.1\r\n%s%s\r\n%s"
            .formatted(
                line,
                headers,
                body.isEmpty() ? "" : "Content-Length: " + body.length() + "\r\n",
                body);
    int port = place.server.url().getPort();
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.setSoTimeout(15_000);
      socket.getOutputStream().write(text.getBytes(StandardCharsets.US_ASCII));
      return EdgeTest.read(socket);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static String host(Place place, String host) {
    String headers = "Host: " + host + "\r\nContent-Type: application/json\r\n";
    return raw(place, "POST " + CHAT, headers, HI);
  }

  @Test
  void aHostThatIsNotThisServersIsRefusedOnEveryRoute() {
    try (Place place = Place.open(s -> s.withAllowHost("Nudge.example", "[fd00::1]"))) {
      for (String host :
          List.of(
              "evil.example",
              "localhost.evil.example",
              "127.0.0.1.evil.example:8080",
              "localhost:8080:1",
              "localhost@evil.example",
              "10.0.0.1",
              "0.0.0.0",
              "[fd00::2]",
              "localhost\r\nHost: evil.example",
              "")) {
        assertThat(host(place, host)).as(host).startsWith("HTTP/1.1 4").doesNotContain("choices");
        for (String path : SHOWN) {
          assertThat(raw(place, "GET " + path, "Host: " + host + "\r\n", ""))
              .as(host + path)
              .matches("(?s)HTTP/1\\.1 40[03] .*")
              .doesNotContain("\"data\"", "<html", "vllm:");
        }
      }
      assertThat(host(place, "evil.example"))
          .startsWith("HTTP/1.1 403")
          .contains(
              "host_not_allowed",
              "the Host is 'evil.example'; without --api-keys this server takes localhost,"
                  + " 127.0.0.1 and the names of --allow-host");
      assertThat(raw(place, "GET http://127.0.0.1/v1/models", "Host: evil.example\r\n", ""))
          .doesNotContain("\"data\"");
      for (String host :
          List.of(
              "localhost",
              "LOCALHOST:1",
              "127.0.0.1:80",
              "127.9.8.7",
              "[::1]:8080",
              "nudge.EXAMPLE:443",
              "[fd00::1]:8080")) {
        assertThat(host(place, host)).as(host).startsWith("HTTP/1.1 200");
      }
      assertThat(raw(place, "GET /health", "Host: 10.0.0.1:8080\r\n", ""))
          .startsWith("HTTP/1.1 200")
          .contains("{\"status\":\"ok\"}");
    }
  }

  @Test
  void aPageOfAnotherSiteIsRefusedAndThisServersOwnIsNot() {
    try (Place place = Place.open()) {
      String own = place.server.url().toString();
      for (String origin :
          List.of(
              "http://evil.example",
              "null",
              "http://127.0.0.1:1",
              own + "1",
              own.replace("127.0.0.1", "localhost"),
              "file://")) {
        Reply reply = place.post(CHAT, HI, ORIGIN, origin);
        assertThat(reply.status()).as(origin).isEqualTo(403);
        assertThat(reply.error("code")).isEqualTo("origin_not_allowed");
        assertThat(reply.header("Access-Control-Allow-Origin")).isEmpty();
        for (String path : SHOWN) {
          assertThat(place.get(path, ORIGIN, origin).status()).as(origin + path).isEqualTo(403);
        }
        assertThat(preflight(place, origin)).startsWith("HTTP/1.1 403");
      }
      assertThat(place.post(CHAT, HI, ORIGIN, own).status()).isEqualTo(200);
    }
  }

  private static String preflight(Place place, String origin) {
    return raw(
        place,
        "OPTIONS " + CHAT,
        "Host: 127.0.0.1\r\nOrigin: "
            + origin
            + "\r\nAccess-Control-Request-Method: POST\r\n"
            + "Access-Control-Request-Headers: authorization,x-stainless-os\r\n",
        "");
  }

  @Test
  void aBodyThatIsNotDeclaredAsJsonIsRefused() {
    try (Place place = Place.open()) {
      for (String type :
          List.of(
              "text/plain",
              "text/plain;application/json",
              "application/x-www-form-urlencoded",
              "multipart/form-data")) {
        Reply reply = place.post(CHAT, HI, "Content-Type", type);
        assertThat(reply.status()).as(type).isEqualTo(415);
        assertThat(reply.error("code")).isEqualTo("unsupported_media_type");
        assertThat(reply.error("message"))
            .isEqualTo("the Content-Type is '" + type + "'; it must be application/json");
      }
      assertThat(raw(place, "POST " + CHAT, "Host: localhost\r\n", HI))
          .startsWith("HTTP/1.1 415")
          .contains("the Content-Type is missing; it must be application/json");
      for (String type : List.of("application/json; charset=utf-8", "Application/JSON")) {
        assertThat(place.post(CHAT, HI, "Content-Type", type).status()).isEqualTo(200);
      }
    }
  }

  @Test
  void anAllowedOriginMaySendAndReadWithAKeyAndWithout() throws IOException {
    String site = "https://app.example:8443";
    Path keys = folder.resolve("keys.json");
    String key = new NewClient("acme", List.of(), null, null, null).addTo(keys);
    for (boolean withKeys : List.of(false, true)) {
      try (Place place =
          Place.open(
              s ->
                  withKeys
                      ? s.withAllowOrigin(site, "http://b.example").withApiKeys(keys)
                      : s.withAllowOrigin(site, "http://b.example"))) {
        assertThat(preflight(place, site))
            .startsWith("HTTP/1.1 204")
            .containsIgnoringCase("Access-Control-Allow-Origin: " + site)
            .containsIgnoringCase("Access-Control-Allow-Methods: GET, POST")
            .containsIgnoringCase("Access-Control-Allow-Headers: authorization,x-stainless-os")
            .containsIgnoringCase("Vary: Origin");
        Reply reply = place.post(CHAT, HI, ORIGIN, site, "Authorization", "Bearer " + key);
        assertThat(reply.status()).isEqualTo(200);
        assertThat(reply.header("Access-Control-Allow-Origin")).isEqualTo(site);
        Reply wrong = place.post(CHAT, "{}", ORIGIN, site);
        assertThat(wrong.status()).isEqualTo(withKeys ? 401 : 400);
        assertThat(wrong.header("Access-Control-Allow-Origin")).isEqualTo(site);
        Reply other = place.post(CHAT, HI, ORIGIN, "https://app.example");
        assertThat(other.status()).isEqualTo(withKeys ? 401 : 403);
        assertThat(other.header("Access-Control-Allow-Origin")).isEmpty();
        assertThat(preflight(place, "https://app.example")).startsWith("HTTP/1.1 40");
      }
    }
  }

  @Test
  void withKeysAHostOfAnyNameIsAnswered() {
    Path keys = folder.resolve("keys.json");
    String key = new NewClient("acme", List.of(), null, null, null).addTo(keys);
    try (Place place = Place.open(s -> s.withApiKeys(keys))) {
      String headers = "Host: nudge.svc:8080\r\nAuthorization: Bearer " + key + "\r\n";
      assertThat(raw(place, "POST " + CHAT, headers, HI)).startsWith("HTTP/1.1 200");
    }
  }

  @Test
  void withoutAnAdminKeyNothingIsChangedThoughAllIsShown() throws IOException {
    Registry registry = Registry.open(folder.resolve("registry"));
    registry.push("legal", Place.ONE, Note.of("first"));
    registry.alias(
        "legal",
        "champion",
        registry.adapter("legal").versions().getFirst(),
        Alias.Expected.NONE,
        Note.of(null));
    String version = "{\"name\": \"legal\", \"alias\": \"x\", \"version\": 1, \"why\": \"w\"";
    List<String[]> changes =
        List.of(
            new String[] {
              "/v1/load_lora_adapter", "{\"lora_name\": \"x\", \"lora_path\": \"legal\"}"
            },
            new String[] {"/v1/unload_lora_adapter", "{\"lora_name\": \"one\"}"},
            new String[] {"/v1/adapters/push", "{\"name\": \"x\", \"path\": \"one\"}"},
            new String[] {"/v1/adapters/alias", version + "}"},
            new String[] {
              "/v1/adapters/rollback", "{\"name\": \"legal\", \"alias\": \"champion\"}"
            },
            new String[] {"/v1/adapters/state", version + ", \"state\": \"blocked\"}"},
            new String[] {"/v1/registry/adapters/legal/aliases/x", version + "}"},
            new String[] {"/v1/registry/adapters/legal/aliases/champion/rollback", version + "}"});
    try (Place place = Place.open(s -> s.withRegistry(folder.resolve("registry")))) {
      String before =
          place.get("/v1/adapters/legal").text() + place.get("/v1/lora_adapters").text();
      for (String[] change : changes) {
        Reply reply = place.post(change[0], change[1]);
        assertThat(reply.status()).as(change[0]).isEqualTo(403);
        assertThat(reply.error("code")).isEqualTo("no_admin_key");
        assertThat(reply.error("message"))
            .isEqualTo(
                "this needs an admin key, and the server has none; start it with --admin-key-file"
                    + " FILE, or with --allow-keyless-admin to let every program of this machine do"
                    + " it");
      }
      assertThat(place.get("/v1/adapters/legal").text() + place.get("/v1/lora_adapters").text())
          .isEqualTo(before);
      assertThat(place.get("/version").json().path("changes").asString()).isEqualTo("none");
    }
    Path admin = Files.writeString(folder.resolve("admin"), "an-admin-key-of-this-test");
    try (Place place = Place.open(s -> s.withAdminKeyFile(admin))) {
      assertThat(place.get("/version").json().path("changes").asString()).isEqualTo("key");
    }
  }
}
