package dev.nudge.server;

import dev.nudge.chat.FieldException;
import dev.nudge.engine.NoRoomException;
import dev.nudge.registry.RegistryException;
import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Client;
import dev.nudge.server.http.Connections;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Fields;
import dev.nudge.server.http.Incoming;
import dev.nudge.server.http.RequestOutcome;
import dev.nudge.server.http.Wording;
import dev.nudge.settings.BusyException;
import dev.nudge.settings.InputException;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Handles every HTTP request: check of its source, routing, shutdown check, authentication, quota,
/// the route's handler, error bodies, logs and metrics.
///
/// Threading: any number of threads, one per request.
final class Pipeline {
  private static final String UNKNOWN = "unknown";
  private static final int FORBIDDEN = 403;
  private static final String COUNTED = "POST "; // only POSTs count in the quota
  private static final List<String> FORWARDED =
      List.of("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via");

  private final ServerContext shared;
  private final Access access;
  private final Connections connections;
  private final List<Consumer<RequestOutcome>> told;
  private @Nullable Routes routes;
  private int active;
  private boolean stopping;

  Pipeline(
      ServerContext shared,
      Access access,
      Connections connections,
      List<Consumer<RequestOutcome>> told) {
    this.shared = shared;
    this.access = access;
    this.connections = connections;
    this.told = List.copyOf(told);
  }

  /// Sets the routes; call before the first request.
  void routes(Routes all) {
    routes = all;
  }

  void handle(ServerRequest request, ServerResponse response) {
    Incoming incoming = connections.of(request);
    if (incoming != null) {
      incoming.complete(); // headers are complete
    }
    Exchange exchange =
        new Exchange(request, response, incoming, shared.settings().maxBody().bytes());
    String name = UNKNOWN;
    begin();
    try {
      if (access.preflight(exchange)) {
        exchange.reply(204, "text/plain", "");
        return;
      }
      Routes.Route route = Objects.requireNonNull(routes).find(exchange.method(), exchange.path());
      name = route.name();
      admit(route, exchange);
      route.handler().handle(exchange);
    } catch (Exchange.Gone | CloseConnectionException e) {
      exchange.gone();
    } catch (Throwable e) { // any failure must yield an error body
      fail(exchange, e);
    } finally {
      end();
      if (incoming != null) {
        incoming.answered();
      }
      RequestOutcome outcome = exchange.outcome(name);
      told.forEach(one -> one.accept(outcome));
    }
    if (exchange.isGone()) {
      throw new CloseConnectionException("the client went away");
    }
  }

  private void admit(Routes.Route route, Exchange exchange) {
    if (stopping() && route.level() != Access.Level.OPEN) {
      exchange.header("Connection", "close");
      throw ApiException.stopping();
    }
    boolean admin = route.level() == Access.Level.ADMIN || route.level() == Access.Level.INSPECT;
    if (admin && access.trustsThisMachine()) {
      Access.checkDirect(FORWARDED.stream().anyMatch(name -> exchange.header(name) != null));
    }
    Client client =
        access.check(
            route.level(),
            exchange.header("Authorization"),
            String.valueOf(exchange.header("Host")),
            exchange.header("Origin"));
    exchange.client(client);
    if (route.level() == Access.Level.CLIENT && route.name().startsWith(COUNTED)) {
      client.begin();
      exchange.counted();
    }
  }

  private void fail(Exchange exchange, Throwable failure) {
    try {
      ApiException told = told(exchange, failure);
      if (told.status() == FORBIDDEN && exchange.isCounted()) {
        exchange.client().refused();
      }
      exchange.fail(told);
    } catch (RuntimeException gone) {
      exchange.gone(); // the client is gone, or the answer had begun
    }
  }

  private ApiException told(Exchange exchange, Throwable failure) {
    return switch (failure) {
      case ApiException e -> e;
      case RegistryException e -> refused(e);
      case FieldException e when e.isMissing() ->
          ApiException.missing(e.field(), String.valueOf(e.getMessage()));
      case FieldException e -> ApiException.wrong(e.field(), String.valueOf(e.getMessage()));
      case NoRoomException e -> noRoom(exchange, e);
      case InputException e -> Wording.wrong(e);
      case BusyException e ->
          ApiException.busy("queue_full", e.retryAfterSeconds(), String.valueOf(e.getMessage()));
      case OutOfMemoryError e -> {
        shared.warnings().accept("out of memory while a request was answered: " + e.getMessage());
        yield ApiException.internal("the server is out of memory");
      }
      default -> {
        shared
            .warnings()
            .accept("internal error while a request was answered: " + failure + at(failure));
        yield ApiException.internal("something went wrong in the server; its log says what");
      }
    };
  }

  /// The KV cache is too small for the longest possible answer.
  private static ApiException noRoom(Exchange exchange, NoRoomException e) {
    Fields body = exchange.body();
    String field =
        Stream.of("max_completion_tokens", "max_output_tokens")
            .filter(body::has)
            .findFirst()
            .orElse("max_tokens");
    return ApiException.wrong(
        field, "%s; lower '%s' or shorten the prompt".formatted(e.facts(), field));
  }

  private static ApiException refused(RegistryException e) {
    String message = String.valueOf(e.getMessage());
    return switch (e.reason()) {
      case UNKNOWN -> new ApiException(404, "NotFoundError", null, "adapter_not_found", 0, message);
      case BLOCKED -> ApiException.forbidden(null, "adapter_blocked", message);
      case MOVED -> new ApiException(409, "invalid_request_error", null, "alias_moved", 0, message);
      case NOWHERE_BACK ->
          new ApiException(409, "invalid_request_error", "alias", "nowhere_back", 0, message);
      case GATED ->
          new ApiException(409, "invalid_request_error", null, "alias_protected", 0, message);
      case OTHER_BASE ->
          new ApiException(
              409,
              "invalid_request_error",
              null,
              "alias_other_base",
              0,
              message.replace("--any-base", "\"any_base\": true"));
      case REFERENCED -> ApiException.wrong(null, message);
    };
  }

  private static String at(Throwable failure) {
    StackTraceElement[] frames = failure.getStackTrace();
    return frames.length == 0 ? "" : " at " + frames[0];
  }

  private synchronized void begin() {
    active++;
  }

  private synchronized void end() {
    active--;
    notifyAll();
  }

  synchronized boolean stopping() {
    return stopping;
  }

  /// Refuses new requests and waits for running ones.
  ///
  /// @return whether all have ended
  synchronized boolean drain(Duration most) {
    stopping = true;
    long end = System.nanoTime() + most.toNanos();
    while (active > 0) {
      long millis = (end - System.nanoTime()) / 1_000_000;
      if (millis <= 0) {
        return false;
      }
      try {
        wait(millis);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return false;
      }
    }
    return true;
  }
}
