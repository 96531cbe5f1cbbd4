package dev.nudge.server.http;

import dev.nudge.format.Json;
import dev.nudge.format.JsonMistake;
import dev.nudge.generate.GenerationRequest;
import dev.nudge.generate.Usage;
import io.helidon.common.socket.PeerInfo;
import io.helidon.http.HeaderNames;
import io.helidon.http.Status;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// An HTTP request with its response, and the facts for logs and metrics.
///
/// Threading: the thread of the request.
public final class Exchange {
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final String JSON = "application/json";
  private static final int GONE = 499; // as in nginx
  private static final int BODY_SECONDS = 30;
  private static final int LONGEST_HEADER = 1000;
  private static final int LONGEST_WAIT = 60; // above, clients should not retry by themselves

  private final ServerRequest request;
  private final ServerResponse response;
  private final @Nullable Incoming incoming;
  private final long maxBody;
  private final String id;
  private final String remote; // unknown after the connection is closed
  private final long started = System.nanoTime();
  private @Nullable Client client;
  private boolean counted;
  private @Nullable String model;
  private @Nullable Served served;
  private @Nullable Served trial;
  private @Nullable String experiment;
  private @Nullable String arm;
  private @Nullable Fields fields;
  private @Nullable String answerId;
  private List<GenerationRequest> requests = List.of();
  private Usage spent = Usage.NONE;
  private @Nullable String finish;
  private @Nullable String said;
  private @Nullable String code;
  private @Nullable String warning;
  private int status;
  private @Nullable Sse stream;

  /// @param incoming null: unknown
  /// @param maxBody most bytes of the body
  public Exchange(
      ServerRequest request, ServerResponse response, @Nullable Incoming incoming, long maxBody) {
    this.request = request;
    this.response = response;
    this.incoming = incoming;
    this.maxBody = maxBody;
    this.remote = address(request.remotePeer());
    String given = header("X-Request-Id");
    this.id = given != null && given.matches("[A-Za-z0-9._-]{1,128}") ? given : "req_" + random();
    response.header("X-Request-Id", id);
  }

  /// The IP address of the peer, without a reverse DNS look-up, which would block and whose result
  /// the peer may control.
  private static String address(PeerInfo peer) {
    return peer.address() instanceof InetSocketAddress address && !address.isUnresolved()
        ? address.getAddress().getHostAddress()
        : peer.host();
  }

  /// Random hex, 24 digits.
  public static String random() {
    byte[] bytes = new byte[12];
    RANDOM.nextBytes(bytes);
    return HexFormat.of().formatHex(bytes);
  }

  public String method() {
    return request.prologue().method().text();
  }

  /// The decoded path.
  public String path() {
    return request.path().path();
  }

  public String requestId() {
    return id;
  }

  /// A request header; null if absent.
  public @Nullable String header(String name) {
    Optional<String> value = request.headers().first(HeaderNames.create(name));
    return value.orElse(null);
  }

  /// All values of a request header.
  public List<String> headers(String name) {
    return request.headers().all(HeaderNames.create(name), List::of);
  }

  public void client(Client who) {
    client = who;
  }

  /// Marks the request as counted in its client's quota.
  public void counted() {
    counted = true;
  }

  public boolean isCounted() {
    return counted;
  }

  /// The authenticated client.
  public Client client() {
    return client == null ? Client.anybody() : client;
  }

  /// Reads the body as a JSON object.
  ///
  /// @throws ApiException if the body is no object, too large or too slow
  public Fields body() {
    Fields read = fields;
    if (read == null) {
      read = parsed();
      fields = read;
    }
    return read;
  }

  private Fields parsed() {
    byte[] bytes = bytes();
    if (bytes.length == 0) {
      throw ApiException.wrong(null, "the body is empty; it must be a JSON object");
    }
    try {
      if (Json.parseStrictly(bytes) instanceof ObjectNode object) {
        return new Fields(object);
      }
      throw ApiException.wrong(null, "the body is no JSON object");
    } catch (JacksonException e) {
      String place = JsonMistake.place(e);
      throw ApiException.wrong(
          null,
          "the body is not JSON"
              + (place.isEmpty() ? "" : ", " + place)
              + ": "
              + JsonMistake.of(e));
    }
  }

  private byte[] bytes() {
    if (!request.content().hasEntity()) {
      return new byte[0];
    }
    if (incoming != null) {
      incoming.within(BODY_SECONDS);
    }
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    byte[] part = new byte[1 << 13];
    try (InputStream in = request.content().inputStream()) {
      for (int n = in.read(part); n >= 0; n = in.read(part)) {
        all.write(part, 0, n);
        if (all.size() > maxBody) {
          header("Connection", "close"); // the rest is not read
          throw new ApiException(
              413,
              "invalid_request_error",
              null,
              "body_too_large",
              0,
              "the body has more than %d bytes, the most of this server".formatted(maxBody));
        }
      }
    } catch (IOException | UncheckedIOException e) {
      throw new Gone(e);
    } finally {
      if (incoming != null) {
        incoming.complete();
      }
    }
    return all.toByteArray();
  }

  /// Whether there is a body.
  public boolean hasBody() {
    return fields != null || request.content().hasEntity();
  }

  /// Starts to watch for a disconnect; the body must have been read.
  public void watch() {
    if (incoming != null) {
      incoming.watch();
    }
  }

  /// Whether the client is connected.
  public boolean connected() {
    return incoming == null || !incoming.ended();
  }

  /// Records the adapter that answers, and sets the response headers.
  public void serve(String asked, Served found) {
    model = asked;
    served = found;
    if (found.digest() != null) {
      response.header("X-Adapter", found.shown());
      response.header("X-Adapter-Digest", found.digest());
    }
  }

  /// Records the experiment arm that answers in place of the named model, and sets the response
  /// headers.
  ///
  /// @param name of the arm
  public void trial(Served by, String experiment, String name) {
    trial = by;
    this.experiment = experiment;
    arm = name;
    response.header("X-Experiment", experiment);
    response.header("X-Experiment-Arm", name);
  }

  /// The experiment that the request is part of; null: none.
  public @Nullable String experiment() {
    return experiment;
  }

  /// The experiment's arm that answers; null: no experiment.
  public @Nullable String arm() {
    return arm;
  }

  /// The experiment arm that answers; null: no experiment.
  public @Nullable Served trial() {
    return trial;
  }

  /// Records the generation requests and the response id.
  public void answers(String id, List<GenerationRequest> asked) {
    answerId = id;
    requests = asked;
  }

  /// The response id; null: none.
  public @Nullable String answerId() {
    return answerId;
  }

  /// The generation requests.
  public List<GenerationRequest> requests() {
    return requests;
  }

  /// Records the requested model name, before it is resolved.
  public void asked(String name) {
    model = name;
  }

  /// Records usage and timings.
  ///
  /// @param why finish reason of the first choice; null: no choice
  public void spent(Usage what, @Nullable String why) {
    spent = what;
    finish = why;
    client().quota().used((long) what.promptTokens() + what.completionTokens());
  }

  /// Records the text of the first choice.
  public void said(String text) {
    said = text;
  }

  /// The text of the first choice; null until it has ended.
  public @Nullable String said() {
    return said;
  }

  /// Sets a response header.
  public void header(String name, String value) {
    response.header(name, value);
  }

  /// Warns the client in the reply's field `warning`, and in ASCII in a header.
  public void warn(String line) {
    warning = warning == null ? line : warning + "; " + line;
    String head =
        warning.length() > LONGEST_HEADER ? warning.substring(0, LONGEST_HEADER) : warning;
    response.header("X-Nudge-Warning", head.replaceAll("[^ -~]", "?"));
  }

  /// The warnings so far; null: none.
  public @Nullable String warning() {
    return warning;
  }

  /// Sends a JSON response.
  public void reply(JsonNode body) {
    if (warning != null && body instanceof ObjectNode object) {
      object.put("warning", warning);
    }
    reply(200, JSON, Json.line(body));
  }

  /// Sends a text response.
  public void reply(int status, String type, String text) {
    this.status = status;
    response.status(Status.create(status));
    response.header(HeaderNames.CONTENT_TYPE, type);
    try {
      response.send(text.getBytes(StandardCharsets.UTF_8));
    } catch (UncheckedIOException e) {
      throw new Gone(e);
    }
  }

  /// Starts a stream of server-sent events.
  public Sse stream() {
    status = 200;
    response.status(Status.OK_200);
    response.header(HeaderNames.CONTENT_TYPE, "text/event-stream; charset=utf-8");
    response.header(HeaderNames.CACHE_CONTROL, "no-cache");
    Incoming from = incoming;
    stream = new Sse(response.outputStream(), warning, from == null ? () -> {} : from::cut);
    return stream;
  }

  /// Sends an error: status and body, or an event within a stream.
  public void fail(ApiException e) {
    code = e.code();
    Sse begun = stream;
    if (begun != null) {
      status = e.status();
      try (begun) {
        begun.event(e.body());
      } catch (IOException | UncheckedIOException gone) {
        throw new Gone(gone);
      }
      return;
    }
    boolean again = e.retryAfter() > 0;
    boolean soon = again && e.retryAfter() <= LONGEST_WAIT;
    response.header("X-Should-Retry", String.valueOf(soon));
    if (again) {
      response.header(HeaderNames.RETRY_AFTER, String.valueOf(e.retryAfter()));
    }
    if (e.status() == 401) {
      response.header(HeaderNames.WWW_AUTHENTICATE, "Bearer");
    }
    reply(e.status(), JSON, Json.line(e.body()));
  }

  /// Whether the client has disconnected.
  public boolean isGone() {
    return status == GONE;
  }

  /// Records that the client has disconnected.
  public void gone() {
    status = GONE;
    code = "client_closed";
  }

  public RequestOutcome outcome(String route) {
    return new RequestOutcome(
        id,
        client().name(),
        remote,
        route,
        status,
        code,
        model,
        served,
        spent,
        finish,
        (System.nanoTime() - started) / 1e9);
  }

  /// The client has disconnected.
  public static final class Gone extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public Gone(Throwable cause) {
      super(cause);
    }
  }
}
