package dev.nudge.server;

import dev.nudge.format.Json;
import dev.nudge.generate.Gaps;
import dev.nudge.generate.GenerationRequest;
import io.helidon.common.socket.PeerInfo;
import io.helidon.http.HeaderNames;
import io.helidon.http.Status;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// A request and its answer, and what is to be said of them afterwards.
///
/// Threading: the thread of the request.
public final class Exchange {
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final String JSON = "application/json";
  private static final int GONE = 499; // as nginx counts it
  private static final int LONGEST_WAIT = 60; // beyond, nobody should wait and ask by itself

  private final ServerRequest request;
  private final ServerResponse response;
  private final @Nullable Incoming incoming;
  private final long maxBody;
  private final String id;
  private final String remote; // not known any more once the connection is closed
  private final long started = System.nanoTime();
  private @Nullable Client client;
  private boolean counted;
  private @Nullable String model;
  private @Nullable Served served;
  private @Nullable Served trial;
  private @Nullable Fields fields;
  private @Nullable String answerId;
  private List<GenerationRequest> requests = List.of();
  private @Nullable Spent spent;
  private @Nullable String finish;
  private @Nullable String said;
  private @Nullable String code;
  private int status;
  private @Nullable Sse stream;

  /// What an answer took.
  ///
  /// @param queueSeconds before the prompt was read
  /// @param firstSeconds until the first token
  /// @param gaps each time between two tokens
  public record Spent(
      int promptTokens,
      int completionTokens,
      int cachedTokens,
      double queueSeconds,
      double firstSeconds,
      Gaps gaps) {
    static final Spent NOTHING = new Spent(0, 0, 0, 0, 0, new Gaps());
  }

  /// @param incoming null: not known
  /// @param maxBody bytes
  Exchange(
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

  /// The address itself: asking for its name would wait for a server of names, which may say what
  /// whoever asks wants to read.
  private static String address(PeerInfo peer) {
    return peer.address() instanceof InetSocketAddress address && !address.isUnresolved()
        ? address.getAddress().getHostAddress()
        : peer.host();
  }

  /// 24 hex digits.
  static String random() {
    byte[] bytes = new byte[12];
    RANDOM.nextBytes(bytes);
    return HexFormat.of().formatHex(bytes);
  }

  String method() {
    return request.prologue().method().text();
  }

  /// The path, decoded.
  public String path() {
    return request.path().path();
  }

  public String requestId() {
    return id;
  }

  /// A header; null: it is not there.
  public @Nullable String header(String name) {
    Optional<String> value = request.headers().first(HeaderNames.create(name));
    return value.orElse(null);
  }

  void client(Client who) {
    client = who;
  }

  /// Says that the request was counted for its client.
  void counted() {
    counted = true;
  }

  boolean isCounted() {
    return counted;
  }

  /// Who asks.
  public Client client() {
    return client == null ? Client.anybody() : client;
  }

  /// Reads the body, a JSON object.
  ///
  /// @throws ApiException where it is none, too large or too slow
  public Fields body() {
    Fields read = fields;
    if (read == null) {
      read = RequestBody.read(request, incoming, maxBody, () -> header("Connection", "close"));
      fields = read;
    }
    return read;
  }

  /// Whether there is a body.
  boolean hasBody() {
    return fields != null || request.content().hasEntity();
  }

  /// Begins to watch whether the client is still there; the body has been read.
  void watch() {
    if (incoming != null) {
      incoming.watch();
    }
  }

  /// Whether the client is still there.
  boolean connected() {
    return incoming == null || !incoming.ended();
  }

  /// Says what answers, in the reply's headers too.
  void serve(String asked, Served found) {
    model = asked;
    served = found;
    if (found.digest() != null) {
      response.header("X-Adapter", found.shown());
      response.header("X-Adapter-Digest", found.digest());
    }
  }

  /// Says what answers instead of what the model's name stands for: an arm of an experiment.
  void trial(Served arm) {
    trial = arm;
  }

  /// The arm that answers; null: the request is in no experiment.
  @Nullable Served trial() {
    return trial;
  }

  /// Says what is asked of the session, and the id of the answer.
  void answers(String id, List<GenerationRequest> asked) {
    answerId = id;
    requests = asked;
  }

  /// The id in the answer; null: there is none.
  @Nullable String answerId() {
    return answerId;
  }

  /// What was asked of the session.
  List<GenerationRequest> requests() {
    return requests;
  }

  /// Says what was asked for, before it is found.
  public void asked(String name) {
    model = name;
  }

  /// Says what the answer took.
  ///
  /// @param why the first choice ended; null: there is none
  void spent(Spent what, @Nullable String why) {
    spent = what;
    finish = why;
    client().quota().used((long) what.promptTokens() + what.completionTokens());
  }

  /// Says what the first choice was.
  void said(String text) {
    said = text;
  }

  /// The text of the first choice; null: none has ended.
  @Nullable String said() {
    return said;
  }

  /// A header of the reply.
  public void header(String name, String value) {
    response.header(name, value);
  }

  /// Replies with an object.
  public void reply(JsonNode body) {
    reply(200, JSON, Json.line(body));
  }

  /// Replies with a text.
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

  /// Begins a stream of events.
  Sse stream() {
    status = 200;
    response.status(Status.OK_200);
    response.header(HeaderNames.CONTENT_TYPE, "text/event-stream; charset=utf-8");
    response.header(HeaderNames.CACHE_CONTROL, "no-cache");
    Incoming from = incoming;
    stream = new Sse(response.outputStream(), from == null ? () -> {} : from::cut);
    return stream;
  }

  /// Replies with an error: a status and a body, or within a stream an event.
  void fail(ApiException e) {
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

  /// Whether the client went away.
  boolean isGone() {
    return status == GONE;
  }

  /// Says that the client went away.
  void gone() {
    status = GONE;
    code = "client_closed";
  }

  RequestOutcome outcome(String route) {
    Spent took = spent == null ? Spent.NOTHING : spent;
    return new RequestOutcome(
        id,
        client().name(),
        remote,
        route,
        status,
        code,
        model,
        served,
        took.promptTokens,
        took.completionTokens,
        took.cachedTokens,
        finish,
        (System.nanoTime() - started) / 1e9,
        took.queueSeconds,
        took.firstSeconds,
        took.gaps);
  }

  /// The client went away.
  static final class Gone extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Gone(Throwable cause) {
      super(cause);
    }
  }
}
