package dev.nudge.server;

import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Exchange;
import dev.nudge.settings.Nearest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// Routing table of a server by method and path. A path that ends with `/*` matches everything
/// below.
///
/// Threading: filled before the server starts, then read-only.
public final class Routes {
  private static final String BELOW = "/*";

  /// Handler of a route.
  @FunctionalInterface
  public interface Handler {
    /// Reads the request and replies.
    ///
    /// @throws ApiException to send to the client
    void handle(Exchange exchange) throws Exception;
  }

  /// A route.
  ///
  /// @param name in logs and metrics, such as `GET /v1/models/*`
  record Route(String name, Access.Level level, Handler handler) {}

  private final Map<String, Map<String, Route>> byPath = new HashMap<>(); // then by method
  private final List<String> below = new ArrayList<>();

  /// Adds a route without authentication.
  public Routes open(String method, String path, Handler handler) {
    return add(method, path, Access.Level.OPEN, handler);
  }

  /// Adds a route for API clients.
  public Routes client(String method, String path, Handler handler) {
    return add(method, path, Access.Level.CLIENT, handler);
  }

  /// Adds a read-only GET for holders of the admin key; without keys, for programs of this machine.
  public Routes inspect(String path, Handler handler) {
    return add("GET", path, Access.Level.INSPECT, handler);
  }

  /// Adds a route that makes changes, for holders of the admin key.
  public Routes admin(String method, String path, Handler handler) {
    return add(method, path, Access.Level.ADMIN, handler);
  }

  private Routes add(String method, String path, Access.Level level, Handler handler) {
    Route route = new Route(method + " " + path, level, handler);
    Map<String, Route> methods = byPath.computeIfAbsent(path, _ -> new HashMap<>());
    if (methods.put(method, route) != null) {
      throw new IllegalStateException(route.name + " is there twice");
    }
    if (path.endsWith(BELOW) && !below.contains(path)) {
      below.add(path);
    }
    return this;
  }

  /// Finds the route of a request.
  ///
  /// @throws ApiException if there is none
  Route find(String method, String path) {
    Map<String, Route> methods = methods(path);
    Route route = methods == null ? null : methods.get(method);
    if (methods == null) {
      throw ApiException.unknownUrl(
          "there is no %s %s here%s"
              .formatted(method, ApiException.shown(path), Nearest.hint(path, byPath.keySet())));
    }
    if (route == null) {
      throw new ApiException(
          405,
          "invalid_request_error",
          null,
          "method_not_allowed",
          0,
          "%s takes %s".formatted(path, String.join(", ", new TreeSet<>(methods.keySet()))));
    }
    return route;
  }

  private @Nullable Map<String, Route> methods(String path) {
    Map<String, Route> exact = byPath.get(path);
    if (exact != null) {
      return exact;
    }
    for (String pattern : below) {
      String start = pattern.substring(0, pattern.length() - 1);
      if (path.startsWith(start) && path.length() > start.length()) {
        return byPath.get(pattern);
      }
    }
    return null;
  }
}
