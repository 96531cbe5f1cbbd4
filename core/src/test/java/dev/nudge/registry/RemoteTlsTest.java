package dev.nudge.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import dev.nudge.Certificate;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Pulls by TLS from a registry with a certificate of its own.
class RemoteTlsTest {
  private static final Note NOTE = Note.by("tester", "test");

  @TempDir Path temp;
  private Version version;
  private OciLayout layout;
  private Registry elsewhere;
  private SSLContext own;
  private HttpsServer server;

  @BeforeEach
  void start() throws Exception {
    Registry registry = Registry.open(temp.resolve("registry"));
    version = registry.push("a", MadeAdapters.of(temp.resolve("adapter"), 1), NOTE).version();
    layout = registry.layout();
    elsewhere = Registry.open(temp.resolve("elsewhere"));
    own = Certificate.in(temp);
    server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(own));
    server.createContext("/v2/a/", this::answer);
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private void answer(HttpExchange e) throws IOException {
    String path = e.getRequestURI().getPath();
    byte[] body =
        path.startsWith("/v2/a/manifests/")
            ? layout.blobs().read(version.digest())
            : layout.blobs().read(path.substring("/v2/a/blobs/".length()));
    e.sendResponseHeaders(200, body.length);
    e.getResponseBody().write(body);
    e.close();
  }

  /// Not told to be on this machine, where TLS is not asked for.
  private static Address at(int port) {
    return new Address.Remote("127.0.0.1:" + port, "a", "1", false);
  }

  @Test
  void aCertificateHasToBeTrusted() throws Exception {
    Address there = at(server.getAddress().getPort());
    assertThatThrownBy(() -> elsewhere.pull("b", there, null, null, NOTE))
        .isInstanceOf(RunException.class)
        .hasMessageContaining("does not trust its certificate; NUDGE_JAVA_OPTS=")
        .hasMessageNotContaining("PKIX");
    assertThat(elsewhere.list()).isEmpty();
    SSLContext before = SSLContext.getDefault();
    SSLContext.setDefault(own);
    try {
      Version pulled = elsewhere.pull("b", there, null, null, NOTE).version();
      assertThat(pulled.digest()).isEqualTo(version.digest());
    } finally {
      SSLContext.setDefault(before);
    }
  }

  @Test
  void aRegistryWithoutTlsIsToldSo() throws IOException {
    try (ServerSocket plain = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      Thread.ofVirtual().start(() -> refuse(plain));
      Address there = at(plain.getLocalPort());
      assertThatThrownBy(() -> elsewhere.pull("b", there, null, null, NOTE))
          .isInstanceOf(RunException.class)
          .hasMessageContaining("cannot be reached by TLS; --plain-http goes without");
    }
  }

  /// Says what a web server without TLS says to a greeting of TLS.
  private static void refuse(ServerSocket plain) {
    try (Socket socket = plain.accept()) {
      socket.getInputStream().read();
      socket
          .getOutputStream()
          .write("HTTP/1.1 400 Bad Request\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      socket.shutdownOutput();
      socket.getInputStream().readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
