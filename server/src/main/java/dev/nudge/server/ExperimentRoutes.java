package dev.nudge.server;

import dev.nudge.format.Json;
import dev.nudge.server.experiments.Admin;
import dev.nudge.server.experiments.Experiments;
import dev.nudge.server.experiments.Feedback;
import dev.nudge.server.experiments.NoSuchException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/// Routes of experiments: admins create, show and stop them; any client sends feedback on answers.
record ExperimentRoutes(Admin admin, Feedback feedback) {
  private static final String PATH = "/v1/experiments";
  private static final String STOP = "/stop";
  private static final int CREATED = 201;

  ExperimentRoutes(Experiments experiments) {
    this(new Admin(experiments), new Feedback(experiments));
  }

  Routes add(Routes routes) {
    return routes
        .client("POST", "/v1/feedback", e -> reply(e, 200, () -> take(e)))
        .admin("GET", PATH, e -> reply(e, 200, admin::list))
        .admin("POST", PATH, e -> reply(e, CREATED, () -> admin.create(e.body().body())))
        .admin("GET", PATH + "/*", e -> reply(e, 200, () -> admin.show(name(e.path()))))
        .admin("POST", PATH + "/*", e -> reply(e, 200, () -> stop(e)));
  }

  /// Accepts feedback; request ids are scoped to the client that made the request.
  private Map<String, @Nullable Object> take(Exchange exchange) {
    ObjectNode body = exchange.body().body();
    if (body.path("request_id").isString()) {
      body.put("request_id", Trials.own(exchange, body.path("request_id").stringValue()));
    }
    String own = Trials.own(exchange, "");
    try {
      Map<String, @Nullable Object> reply = new LinkedHashMap<>(feedback.take(body));
      reply.put("request_id", String.valueOf(reply.get("request_id")).replace(own, ""));
      return reply;
    } catch (NoSuchException e) {
      throw new NoSuchException(String.valueOf(e.getMessage()).replace(own, ""));
    }
  }

  /// The routes of a server without experiments: an empty list, and errors.
  static Routes addNone(Routes routes) {
    return routes
        .admin("GET", PATH, e -> e.reply(Json.tree(Map.of("object", "list", "data", List.of()))))
        .admin("POST", PATH, e -> refuse())
        .client("POST", "/v1/feedback", e -> refuse());
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
