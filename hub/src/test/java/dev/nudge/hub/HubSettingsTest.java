package dev.nudge.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Reads the variables of Python's client as it does.
class HubSettingsTest {
  @TempDir Path home;

  private HubSettings of(String... pairs) {
    Map<String, String> environment = new HashMap<>();
    for (int i = 0; i < pairs.length; i += 2) {
      environment.put(pairs[i], pairs[i + 1]);
    }
    return HubSettings.of(environment, home);
  }

  @Test
  void theCacheIsWhereTheFirstOfTheVariablesSays() {
    assertThat(of().cache()).isEqualTo(home.resolve(".cache/huggingface/hub"));
    assertThat(of("XDG_CACHE_HOME", "/x").cache()).isEqualTo(Path.of("/x/huggingface/hub"));
    assertThat(of("XDG_CACHE_HOME", "/x", "HF_HOME", "/h").cache()).isEqualTo(Path.of("/h/hub"));
    assertThat(of("HF_HOME", "/h", "HUGGINGFACE_HUB_CACHE", "/old").cache())
        .isEqualTo(Path.of("/old"));
    assertThat(of("HUGGINGFACE_HUB_CACHE", "/old", "HF_HUB_CACHE", "~/c").cache())
        .isEqualTo(home.resolve("c"));
    assertThat(of("HF_HUB_CACHE", " ").cache()).isEqualTo(home.resolve(".cache/huggingface/hub"));
  }

  @Test
  void theTokenIsAVariableOrAFile() throws IOException {
    assertThat(of().token()).isNull();
    Path file = Files.createDirectories(home.resolve("h")).resolve("token");
    Files.writeString(file, "hf_file\n");
    String own = home.resolve("h").toString();
    assertThat(of("HF_HOME", own).token()).isEqualTo("hf_file");
    assertThat(of("HF_HOME", own, "HF_TOKEN", "hf_a").token()).isEqualTo("hf_a");
    assertThat(of("HUGGING_FACE_HUB_TOKEN", "hf_b").token()).isEqualTo("hf_b");
    assertThat(of("HF_TOKEN_PATH", file.toString()).token()).isEqualTo("hf_file");
    assertThatThrownBy(() -> of("HF_TOKEN", "two words"))
        .isInstanceOf(InputException.class)
        .hasMessageNotContaining("two words");
  }

  private static String[] joined(String[] some, String[] more) {
    return Stream.concat(Arrays.stream(some), Arrays.stream(more)).toArray(String[]::new);
  }

  @Test
  void aTokenNeverGoesUnencryptedToAnotherMachine() {
    for (String safe :
        List.of("https://mirror.example", "http://localhost:8080", "http://[::1]:1")) {
      HubSettings settings = of("HF_ENDPOINT", safe, "HF_TOKEN", "hf_a");
      assertThat(settings.sent()).as(safe).isEqualTo("hf_a");
      assertThat(settings.withheld()).isEmpty();
    }
    String[] here = {"HF_ENDPOINT", "http://localhost:80", "HF_TOKEN", "hf_a"};
    String[] proxy = {"http_proxy", "http://p.example:3128", "no_proxy", "localhost"};
    assertThat(of(joined(here, proxy)).sent()).isEqualTo("hf_a");
    assertThat(of(joined(here, Arrays.copyOf(proxy, 2))).sent()).isNull();
    for (String bare : List.of("http://mirror.example", "http://192.168.0.7:8080")) {
      HubSettings settings = of("HF_ENDPOINT", bare, "HF_TOKEN", "hf_a");
      assertThat(settings.sent()).as(bare).isNull();
      assertThat(settings.withheld())
          .isEqualTo(
              "the token is not sent: HF_ENDPOINT is "
                  + bare
                  + ", without TLS; give an https address");
      assertThatThrownBy(
              () ->
                  Hub.of(settings)
                      .publish(
                          RepoName.parse("org/made"),
                          home,
                          CardFacts.of(home, null),
                          false,
                          HubListener.NONE))
          .isInstanceOf(InputException.class)
          .hasMessage("org/made cannot be published: " + settings.withheld());
    }
  }

  /// Asked through a proxy, which reads what goes unencrypted.
  @Test
  void aHubWithoutTlsSeesNoToken() throws IOException {
    List<String> seen = new CopyOnWriteArrayList<>();
    HttpServer proxy = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    proxy.createContext(
        "/",
        exchange -> {
          seen.add(exchange.getRequestURI().getHost());
          seen.add(String.valueOf(exchange.getRequestHeaders().getFirst("Authorization")));
          exchange.sendResponseHeaders(401, -1);
          exchange.close();
        });
    proxy.start();
    try {
      String through = "http://127.0.0.1:" + proxy.getAddress().getPort();
      HubSettings settings =
          of(
              "HF_ENDPOINT",
              "http://mirror.example",
              "HF_TOKEN",
              "hf_a",
              "http_proxy",
              through,
              "HF_HOME",
              home.toString());
      assertThatThrownBy(() -> Hub.of(settings).model("org/tiny", HubListener.NONE))
          .hasMessageContaining("without a token (401)")
          .hasMessageEndingWith(settings.withheld());
      assertThat(seen).startsWith("mirror.example", "null").doesNotContain("Bearer hf_a");
    } finally {
      proxy.stop(0);
    }
  }

  @Test
  void switchesAndAddressesAreChecked() {
    assertThat(of().offline()).isFalse();
    assertThat(of("HF_HUB_OFFLINE", "yes").offline()).isTrue();
    assertThat(of("HF_HUB_OFFLINE", "0").offline()).isFalse();
    assertThat(of("HF_HUB_DISABLE_SYMLINKS", "1").links()).isFalse();
    assertThat(of("HF_ENDPOINT", "https://mirror.example/hub//").endpoint())
        .isEqualTo(URI.create("https://mirror.example/hub"));
    assertThat(of("HF_HUB_DOWNLOAD_TIMEOUT", "2.5").timeout()).isEqualTo(Duration.ofMillis(2500));
    for (String wrong :
        List.of(
            "mirror", "ftp://m", "https://me:pw@m", "http://[", "https://m?x", "http://m:70000")) {
      assertThatThrownBy(() -> of("HF_ENDPOINT", wrong))
          .as(wrong)
          .isInstanceOf(InputException.class)
          .hasMessageContaining("HF_ENDPOINT");
    }
    for (String wrong : List.of("soon", "0", "-1")) {
      assertThatThrownBy(() -> of("HF_HUB_DOWNLOAD_TIMEOUT", wrong))
          .isInstanceOf(InputException.class)
          .hasMessageContaining("HF_HUB_DOWNLOAD_TIMEOUT");
    }
  }

  @Test
  void proxiesGoByTheSchemeAndLeaveHostsOut() {
    Proxies proxies =
        of("https_proxy", "http://p:3128", "HTTP_PROXY", "q", "no_proxy", "localhost,.corp.example")
            .proxies();
    var selector = Objects.requireNonNull(proxies.selector());
    assertThat(selector.select(URI.create("https://huggingface.co/x")).getFirst().address())
        .isEqualTo(InetSocketAddress.createUnresolved("p", 3128));
    assertThat(selector.select(URI.create("http://huggingface.co/x")).getFirst().address())
        .isEqualTo(InetSocketAddress.createUnresolved("q", 80));
    for (String direct : List.of("https://localhost/x", "https://hub.corp.example/x")) {
      assertThat(selector.select(URI.create(direct))).containsExactly(Proxy.NO_PROXY);
    }
    assertThat(of("no_proxy", "*").proxies().system()).isTrue();
    assertThatThrownBy(() -> of("https_proxy", "socks5://me:secret@p:1"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("https_proxy")
        .hasMessageNotContaining("secret");
  }

  @Test
  void aProxyHasAPortThatThereIs() {
    assertThatThrownBy(() -> of("http_proxy", "http://p:99999"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("http_proxy is no proxy that can be used");
  }

  @Test
  void whatIsAskedForGoesThroughTheProxy() throws IOException {
    List<String> asked = new ArrayList<>();
    HttpServer proxy = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    proxy.createContext(
        "/",
        exchange -> {
          asked.add(exchange.getRequestURI().toString());
          exchange.getResponseHeaders().set("X-Error-Code", "RepoNotFound");
          exchange.sendResponseHeaders(404, -1);
          exchange.close();
        });
    proxy.start();
    try {
      Hub hub =
          Hub.of(
              of(
                  "HF_ENDPOINT",
                  "http://hub.invalid",
                  "http_proxy",
                  "http://127.0.0.1:" + proxy.getAddress().getPort()));
      assertThatThrownBy(() -> hub.model("org/tiny", HubListener.NONE))
          .isInstanceOf(InputException.class);
      assertThat(asked).containsExactly("http://hub.invalid/api/models/org/tiny/revision/main");
    } finally {
      proxy.stop(0);
    }
  }
}
