package dev.nudge.server;

import dev.nudge.server.http.Connections;
import dev.nudge.server.http.Refusals;
import dev.nudge.settings.InputException;
import io.helidon.common.tls.Tls;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.WebServerConfig;
import io.helidon.webserver.http.HttpRouting;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/// Starts the Helidon web server, with or without TLS.
final class Listening {
  private static final Duration IDLE = Duration.ofMinutes(5);

  /// The web server's logger, held strongly so that its level stays set.
  private static final Logger WEB = Logger.getLogger("io.helidon");

  static {
    if (WEB.getLevel() == null) {
      WEB.setLevel(Level.WARNING);
    }
  }

  private Listening() {}

  /// Checks the port before a model is loaded.
  ///
  /// @throws InputException if the port is taken or the address is not this machine's
  static void checkFree(ServeSettings settings) {
    try (ServerSocket socket = new ServerSocket()) {
      socket.setReuseAddress(true);
      socket.bind(new InetSocketAddress(InetAddress.getByName(settings.host()), settings.port()));
    } catch (IOException e) {
      throw new InputException(
          "--host %s --port %d cannot be listened on: %s; give another --port, or 0 for a free one"
              .formatted(settings.host(), settings.port(), e.getMessage()),
          e);
    }
  }

  /// Starts listening.
  static WebServer start(
      ServeSettings settings, Connections connections, Pipeline pipeline, @Nullable Tls tls) {
    WebServerConfig.Builder web =
        WebServer.builder()
            .host(settings.host())
            .port(settings.port())
            .shutdownHook(false)
            .idleConnectionTimeout(IDLE)
            .connectionOptions(options -> options.tcpNoDelay(true))
            .connectionSelectors(List.of(connections))
            .protocolsDiscoverServices(false)
            .directHandlers(Refusals.handlers())
            .routing(HttpRouting.builder().any(pipeline::handle));
    return (tls == null ? web : web.tls(tls)).build().start();
  }

  /// The URL of the server.
  static URI url(ServeSettings settings, int port) {
    String host = settings.host().contains(":") ? "[" + settings.host() + "]" : settings.host();
    String scheme = settings.tlsCert() == null ? "http" : "https";
    return URI.create(scheme + "://" + host + ":" + port);
  }
}
