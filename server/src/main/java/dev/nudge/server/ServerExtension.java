package dev.nudge.server;

import dev.nudge.generate.AdapterCache;
import dev.nudge.generate.Session;
import dev.nudge.machine.Machine;
import dev.nudge.registry.Registry;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Fields;
import dev.nudge.server.http.Heading;
import dev.nudge.server.http.Served;
import dev.nudge.server.metrics.PrometheusMetrics;
import dev.nudge.server.replies.Reply;
import dev.nudge.settings.InputException;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;

/// Extends a server's pipeline: may choose the adapter that answers a request, capture the answer,
/// and add routes and metrics. By default it does nothing.
///
/// Threading: [#start] is called before the first request, the rest by any thread.
public interface ServerExtension extends AutoCloseable {

  /// Opens an extension before the base is loaded.
  @FunctionalInterface
  interface Opener {
    /// @param adapters the server's own
    /// @throws InputException if the settings cannot be met
    ServerExtension open(ServeSettings settings, ServedAdapters adapters, Registry registry);
  }

  /// An extension's view of its server.
  interface Host {
    ServeSettings settings();

    Session session();

    Constraints constraints();

    /// Receives one line each.
    Consumer<String> warnings();

    /// Leases an adapter, loading it if it is not in memory.
    ///
    /// @return null: the base
    /// @throws dev.nudge.server.http.ApiException if the adapter does not fit the base
    AdapterCache.@Nullable Lease lease(Served served);
  }

  /// An answer to capture.
  ///
  /// @param prompt messages, or a text
  record Answer(
      Exchange exchange,
      Heading heading,
      JsonNode prompt,
      @Nullable ArrayNode tools,
      Reply reply) {}

  /// The adapters that requests may name.
  ///
  /// @param adapters the server's own
  default ServedAdapters adapters(ServedAdapters adapters) {
    return adapters;
  }

  /// Called between base loading and listening.
  default void start(Host host, Machine machine) {}

  /// Wraps the handler of a route that generates.
  default Routes.Handler around(Routes.Handler handler) {
    return handler;
  }

  /// Returns whether the answer is captured.
  default boolean keeps(Fields request) {
    return false;
  }

  /// Called when all choices of an answer have ended, before the client has the whole reply. Not
  /// called for answers that fail or whose client disconnects earlier.
  default void answered(Answer answer) {}

  /// Adds routes.
  default void add(Routes routes) {}

  /// Adds to `GET /metrics`.
  default void metrics(List<PrometheusMetrics.Gauge> gauges) {}

  /// Adds to `GET /v1/load` for unrestricted clients.
  default void load(Map<String, Object> load) {}

  @Override
  default void close() {}
}
