package dev.nudge.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Holds authorisation and redirects against a registry that asks for a token, gives blobs from
/// another host and says no.
class RemoteAccessTest {
  private static final Note NOTE = Note.by("tester", "test");
  private static final Address.Credentials ANNA = new Address.Credentials("anna", "secret");

  @TempDir Path temp;
  private final List<String> atStore = new ArrayList<>(); // what authorises, where blobs lie
  private final List<String> scopes = new ArrayList<>();
  private Version version;
  private OciLayout layout;
  private Registry elsewhere;
  private HttpServer hub;
  private HttpServer store;

  @BeforeEach
  void start() throws IOException {
    Registry registry = Registry.open(temp.resolve("registry"));
    version = registry.push("a", MadeAdapters.of(temp.resolve("adapter"), 1), NOTE).version();
    layout = registry.layout();
    elsewhere = Registry.open(temp.resolve("elsewhere"));
    hub = server();
    store = server();
    hub.createContext("/token", this::token);
    hub.createContext("/v2/a/", this::hub);
    store.createContext(
        "/",
        e -> {
          atStore.add(String.valueOf(e.getRequestHeaders().getFirst("Authorization")));
          String digest = e.getRequestURI().getPath().substring(1);
          answer(e, 200, Files.readAllBytes(layout.blobs().path(digest)));
        });
    hub.start();
    store.start();
  }

  private static HttpServer server() throws IOException {
    return HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
  }

  @AfterEach
  void stop() {
    hub.stop(0);
    store.stop(0);
  }

  private void token(HttpExchange e) throws IOException {
    String basic =
        "Basic "
            + Base64.getEncoder().encodeToString("anna:secret".getBytes(StandardCharsets.UTF_8));
    scopes.add(e.getRequestURI().getQuery());
    boolean known = basic.equals(e.getRequestHeaders().getFirst("Authorization"));
    answer(e, known ? 200 : 401, "{\"token\": \"t0\"}".getBytes(StandardCharsets.UTF_8));
  }

  private void hub(HttpExchange e) throws IOException {
    if (!"Bearer t0".equals(e.getRequestHeaders().getFirst("Authorization"))) {
      e.getResponseHeaders()
          .add(
              "WWW-Authenticate",
              "Bearer realm=\"http://localhost:%d/token\",service=\"hub\""
                  .formatted(hub.getAddress().getPort()));
      answer(e, 401, new byte[0]);
    } else if (e.getRequestURI().getPath().startsWith("/v2/a/manifests/")) {
      answer(e, 200, layout.blobs().read(version.digest()));
    } else if (e.getRequestMethod().equals("POST")) {
      answer(
          e, 503, "{\"errors\":[{\"message\":\"disk\\nfull\"}]}".getBytes(StandardCharsets.UTF_8));
    } else if (e.getRequestMethod().equals("HEAD")) {
      e.sendResponseHeaders(404, -1);
      e.close();
    } else {
      String digest = e.getRequestURI().getPath().substring("/v2/a/blobs/".length());
      e.getResponseHeaders()
          .add(
              "Location", "http://127.0.0.1:%d/%s".formatted(store.getAddress().getPort(), digest));
      answer(e, 307, new byte[0]);
    }
  }

  private static void answer(HttpExchange e, int status, byte[] body) throws IOException {
    e.getRequestBody().readAllBytes();
    e.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
    e.getResponseBody().write(body);
    e.close();
  }

  private Address address() {
    return Address.parse("oci://localhost:" + hub.getAddress().getPort() + "/a:1", false);
  }

  @Test
  void aTokenIsAskedForAndNeverGoesToAnotherHost() {
    Version pulled = elsewhere.pull("b", address(), null, ANNA, NOTE).version();
    assertThat(pulled.digest()).isEqualTo(version.digest());
    assertThat(scopes).isNotEmpty().containsOnly("service=hub&scope=repository:a:pull");
    assertThat(atStore).isNotEmpty().containsOnly("null");
  }

  @Test
  void whoIsNotKnownIsToldWhichFlagIsMissing() {
    assertThatThrownBy(() -> elsewhere.pull("b", address(), null, null, NOTE))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("refuses (401); give --credentials");
    Address.Credentials wrong = new Address.Credentials("anna", "wrong");
    assertThatThrownBy(() -> elsewhere.pull("b", address(), null, wrong, NOTE))
        .isInstanceOf(InputException.class)
        .hasMessageNotContaining("wrong");
    assertThat(elsewhere.list()).isEmpty();
  }

  @Test
  void aFailureIsOneLineWithTheRegistrysWords() {
    Registry registry = Registry.open(layout.folder());
    assertThatThrownBy(() -> registry.publish(Reference.parse("a:1"), address(), null, ANNA))
        .isInstanceOf(RunException.class)
        .hasMessageContaining("answered 503 to POST: {\"errors\":[{\"message\":\"disk")
        .hasMessageNotContaining("\n");
    assertThat(scopes).contains("service=hub&scope=repository:a:pull,push");
  }

  @Test
  void credentialsAreReadFromAFileAndNotShown() throws IOException {
    Path file = Files.writeString(temp.resolve("credentials"), "anna:se:cret\n");
    Address.Credentials read = Address.Credentials.read(file);
    assertThat(read.password()).isEqualTo("se:cret");
    assertThat(read.toString()).doesNotContain("cret");
    Path none = Files.writeString(temp.resolve("none"), "anna");
    assertThatThrownBy(() -> Address.Credentials.read(none))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("must hold USER:PASSWORD");
  }
}
