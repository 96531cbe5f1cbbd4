package dev.nudge.server;

import io.helidon.common.buffers.BufferData;
import io.helidon.common.socket.HelidonSocket;
import io.helidon.webserver.ConnectionContext;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http1.Http1Config;
import io.helidon.webserver.http1.Http1ConnectionSelector;
import io.helidon.webserver.spi.ServerConnection;
import io.helidon.webserver.spi.ServerConnectionSelector;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/// Knows the sockets of a server's connections, so that a request can see its client go away while
/// it writes nothing. The web server itself tells it only when something is written.
///
/// Threading: a connection is handled by one thread, its own; the table is shared.
final class Connections implements ServerConnectionSelector {
  private final ServerConnectionSelector http1;
  private final Map<String, HelidonSocket> sockets = new ConcurrentHashMap<>();

  Connections(Http1Config config) {
    this.http1 = Http1ConnectionSelector.builder().config(config).build();
  }

  @Override
  public int bytesToIdentifyConnection() {
    return http1.bytesToIdentifyConnection();
  }

  @Override
  public Support supports(BufferData data) {
    return http1.supports(data);
  }

  @Override
  public Set<String> supportedApplicationProtocols() {
    return http1.supportedApplicationProtocols();
  }

  @Override
  public ServerConnection connection(ConnectionContext context) {
    String id = id(context.socketId(), context.childSocketId());
    sockets.put(id, context.serverSocket());
    return new Known(http1.connection(context), () -> sockets.remove(id));
  }

  private static String id(String server, String connection) {
    return server + " " + connection;
  }

  /// The socket of a request; null: not known.
  @Nullable HelidonSocket socket(ServerRequest request) {
    return sockets.get(id(request.serverSocketId(), request.socketId()));
  }

  /// A connection that is forgotten when it ends.
  private record Known(ServerConnection connection, Runnable end) implements ServerConnection {
    @Override
    public void handle(io.helidon.common.concurrency.limits.Limit limit)
        throws InterruptedException {
      try {
        connection.handle(limit);
      } finally {
        end.run();
      }
    }

    @Override
    public Duration idleTime() {
      return connection.idleTime();
    }

    @Override
    public void close(boolean interrupt) {
      connection.close(interrupt);
    }
  }
}
