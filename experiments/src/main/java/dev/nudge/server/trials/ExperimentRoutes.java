package dev.nudge.server.trials;

import dev.nudge.format.Json;
import dev.nudge.server.Routes;
import dev.nudge.server.experiments.Admin;
import dev.nudge.server.experiments.Experiments;
import dev.nudge.server.experiments.NoSuchException;
import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Exchange;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Routes of experiments: admins create, show and stop them.
record ExperimentRoutes(Admin admin) {
  private static final String PATH = "/v1/experiments";
  private static final String STOP = "/stop";
  private static final int CREATED = 201;

  ExperimentRoutes(Experiments experiments) {
    this(new Admin(experiments));
  }

  Routes add(Routes routes) {
    return routes
        .inspect(PATH, e -> reply(e, 200, admin::list))
        .admin("POST", PATH, e -> reply(e, CREATED, () -> admin.create(e.body().body())))
        .inspect(PATH + "/*", e -> reply(e, 200, () -> admin.show(name(e.path()))))
        .admin("POST", PATH + "/*", e -> reply(e, 200, () -> stop(e)));
  }

  /// Adds the routes of a server without experiments: an empty list, and errors.
  static Routes addNone(Routes routes) {
    return routes
        .inspect(PATH, e -> e.reply(Json.tree(Map.of("object", "list", "data", List.of()))))
        .admin("POST", PATH, e -> refuse());
  }

  private static void refuse() {
    throw ApiException.wrong(
        null, "this server keeps no experiments; start it with --experiments FOLDER");
  }

  private Map<String, @Nullable Object> stop(Exchange exchange) {
    String path = exchange.path();
    if (!path.endsWith(STOP)) {
      throw new NoSuchException("POST is for %s/NAME%s".formatted(PATH, STOP));
    }
    String name = name(path.substring(0, path.length() - STOP.length()));
    return admin.stop(name, exchange.hasBody() ? exchange.body().body() : null);
  }

  private static String name(String path) {
    return path.substring(Math.min(path.length(), PATH.length() + 1));
  }

  private static void reply(
      Exchange exchange, int status, Supplier<Map<String, @Nullable Object>> answer) {
    try {
      exchange.reply(status, "application/json", Json.line(answer.get()));
    } catch (NoSuchException e) {
      throw new ApiException(
          404, "invalid_request_error", null, "not_found", 0, String.valueOf(e.getMessage()));
    }
  }
}
