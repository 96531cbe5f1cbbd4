package dev.nudge.hub;

import dev.nudge.format.Json;
import dev.nudge.format.Untrusted;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.Authenticator;
import java.net.ConnectException;
import java.net.ProxySelector;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow.Subscriber;
import java.util.concurrent.Flow.Subscription;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// Sends requests to the hub, follows redirects and retries temporary failures.
///
/// The token is sent only to the endpoint's own origin (scheme, host and port), and no redirect
/// from TLS to plain HTTP is followed.
final class HubClient implements AutoCloseable {
  private static final int REDIRECTS = 8;
  private static final int MOST = 64 << 20; // bytes of an answer of the API
  private static final int MOST_PORT = 65_535;
  private static final int PATIENCE = 4; // a slow connection still drains its buffers
  private static final String RESTRICTED = "restricted header name";

  private final HubSettings settings;
  private final Attempts.Pause pause;
  private final HttpClient client;

  HubClient(HubSettings settings, Attempts.Pause pause) {
    this.settings = settings;
    this.pause = pause;
    HttpClient.Builder builder =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(settings.timeout())
            .followRedirects(HttpClient.Redirect.NEVER);
    ProxySelector proxies = settings.proxies().selector();
    if (proxies != null) {
      builder.proxy(proxies);
    }
    Authenticator authenticator = settings.proxies().authenticator();
    if (authenticator != null) {
      builder.authenticator(authenticator);
    }
    this.client = builder.build();
  }

  /// An answer whose body is not read yet.
  record Answer(HttpResponse<InputStream> response) implements AutoCloseable {
    int status() {
      return response.statusCode();
    }

    String header(String name) {
      return response.headers().firstValue(name).orElse("");
    }

    @Override
    public void close() throws IOException {
      response.body().close();
    }
  }

  /// Returns the address of a path below the endpoint.
  URI at(String path) {
    return URI.create(settings.endpoint() + path);
  }

  /// Encodes a part of a path; slashes stay only if they separate folders.
  static String encoded(String text, boolean keepSlashes) {
    String all = URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    return keepSlashes ? all.replace("%2F", "/") : all;
  }

  /// Returns the address of a file at a commit.
  URI file(RepoName name, String commit, HubFile file) {
    return at(
        "/"
            + name.kind().prefix()
            + name.id()
            + "/resolve/"
            + commit
            + "/"
            + encoded(file.path(), true));
  }

  Attempts attempts(String what, HubListener listener) {
    return new Attempts(what, listener, pause);
  }

  /// Sends one GET request, and follows redirects.
  ///
  /// @param headers such as `Range`
  /// @throws IOException if the network fails
  Answer get(URI address, Map<String, String> headers) throws IOException {
    HttpResponse<InputStream> answer = ask(address, headers);
    for (int hop = 0; isRedirect(answer.statusCode()); hop++) {
      answer.body().close();
      if (hop == REDIRECTS) {
        throw new RunException(
            "%s redirects without end (%d times)".formatted(shown(address), REDIRECTS));
      }
      String location = answer.headers().firstValue("Location").orElse("");
      URI next = from(answer.uri(), location);
      if (next == null) {
        throw new RunException(
            "%s redirects to an address that is not followed".formatted(shown(answer.uri())));
      }
      answer = ask(next, headers);
    }
    return new Answer(answer);
  }

  private static boolean isRedirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
  }

  /// Resolves an address from the hub's answer; null: it must not be followed.
  ///
  /// @param from the address of the answer
  static @Nullable URI from(URI from, String text) {
    try {
      URI next = from.resolve(text);
      boolean safe = "https".equals(next.getScheme());
      boolean plain = "http".equals(next.getScheme()) && "http".equals(from.getScheme());
      boolean whole = !text.isEmpty() && next.getHost() != null && hasPort(next);
      return whole && (safe || plain) ? next : null;
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  /// Whether an address has no port, or a valid one.
  static boolean hasPort(URI address) {
    return address.getPort() <= MOST_PORT;
  }

  private HttpResponse<InputStream> ask(URI address, Map<String, String> headers)
      throws IOException {
    return exchange(
        address,
        () -> {
          HttpRequest.Builder request = request(address, headers, true).GET();
          return client.send(
              request.timeout(settings.timeout()).build(), BodyHandlers.ofInputStream());
        });
  }

  /// Sends a body, without a time limit as long as its bytes are accepted.
  ///
  /// @param token whether to send the token, if the address is the endpoint's; a store's address is
  ///     presigned
  Answer send(
      String method, URI address, BodyPublisher body, Map<String, String> headers, boolean token)
      throws IOException {
    Sending sending = new Sending(body);
    Duration longest = settings.timeout().multipliedBy(PATIENCE);
    return new Answer(
        exchange(
            address,
            () ->
                sending.answer(
                    client,
                    request(address, headers, token).method(method, sending).build(),
                    longest)));
  }

  private HttpRequest.Builder request(URI address, Map<String, String> headers, boolean token) {
    HttpRequest.Builder request = HttpRequest.newBuilder(address);
    if (token && settings.sent() != null && settings.isOwn(address)) {
      request.setHeader("Authorization", "Bearer " + settings.sent());
    }
    request.setHeader("User-Agent", "nudge");
    headers.forEach(request::setHeader);
    return request;
  }

  private interface Exchange {
    HttpResponse<InputStream> run() throws IOException, InterruptedException;
  }

  private static HttpResponse<InputStream> exchange(URI address, Exchange exchange)
      throws IOException {
    try {
      return exchange.run();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted");
    } catch (IllegalArgumentException e) {
      String said = String.valueOf(e.getMessage());
      throw new RunException(
          "%s cannot be asked as the hub says: %s"
              .formatted(
                  shown(address),
                  said.startsWith(RESTRICTED) ? said : "its address or a header is not allowed"),
          e);
    } catch (IOException e) {
      String line = address.getAuthority() + " " + why(e);
      throw e instanceof ConnectException
              || e instanceof HttpConnectTimeoutException
              || Untrusted.why(e) != null
          ? new Unreachable(line, e)
          : new IOException(line, e);
    }
  }

  /// Thrown without a connection: an immediate retry is useless.
  static final class Unreachable extends IOException {
    Unreachable(String message, IOException cause) {
      super(message, cause);
    }
  }

  private static String why(IOException e) {
    String untrusted = Untrusted.why(e);
    if (untrusted != null) {
      return "cannot be reached: " + untrusted;
    }
    String said = Objects.requireNonNullElse(e.getMessage(), "no connection");
    if (said.contains("407")) {
      return "cannot be reached: the proxy asks for a user and a password; for https give"
          + " NUDGE_JAVA_OPTS=-Djdk.http.auth.tunneling.disabledSchemes= too";
    }
    return e instanceof HttpTimeoutException && !(e instanceof HttpConnectTimeoutException)
        ? "did not answer in time"
        : "cannot be reached (" + said + ")";
  }

  /// Returns an address without its query, which may hold a signature.
  static String shown(URI address) {
    return address.getScheme() + "://" + address.getRawAuthority() + address.getRawPath();
  }

  /// Gets JSON, with retries.
  ///
  /// @return the complete answer
  Page json(RepoName name, URI address, HubListener listener) throws IOException {
    Attempts attempts = attempts(name.toString(), listener);
    while (true) {
      try (Answer answer = get(address, Map.of("Accept-Encoding", "identity"))) {
        if (Attempts.isPassing(answer.status())) {
          attempts.answered(answer.response());
          continue;
        }
        if (answer.status() != 200) {
          throw HubErrors.of(answer, name, settings);
        }
        byte[] body = Silence.read(answer.response().body(), MOST, settings.timeout());
        return new Page(
            Json.parse(new String(body, StandardCharsets.UTF_8)), answer.header("Link"));
      } catch (JacksonException e) {
        throw new RunException(shown(address) + " answered with something else than JSON", e);
      } catch (Unreachable e) {
        throw e;
      } catch (IOException e) {
        attempts.failed(e);
      }
    }
  }

  /// An answer of the API.
  ///
  /// @param link its header `Link`
  record Page(JsonNode body, String link) {}

  @Override
  public void close() {
    client.shutdownNow();
  }

  /// The body of a request, and how long ago the connection took a piece of it.
  ///
  /// Java's client can limit the whole time of a request, and a slow line needs that time. A limit
  /// on
  /// the silence between two pieces ends a request that nobody takes, and no other.
  ///
  /// Threading: the client reads it on a thread of its own while the sender waits.
  private static final class Sending implements BodyPublisher {
    private final BodyPublisher body;
    private volatile long moved = System.nanoTime();

    Sending(BodyPublisher body) {
      this.body = body;
    }

    @Override
    public long contentLength() {
      return body.contentLength();
    }

    @Override
    public void subscribe(Subscriber<? super ByteBuffer> to) {
      body.subscribe(
          new Subscriber<>() {
            @Override
            public void onSubscribe(Subscription subscription) {
              to.onSubscribe(subscription);
            }

            @Override
            public void onNext(ByteBuffer piece) {
              moved = System.nanoTime();
              to.onNext(piece);
            }

            @Override
            public void onError(Throwable why) {
              to.onError(why);
            }

            @Override
            public void onComplete() {
              to.onComplete();
            }
          });
    }

    /// Sends a request with this body and waits for the head of its answer.
    ///
    /// @param longest silence before a piece of the body, and before the answer
    /// @throws HttpTimeoutException if a silence was longer
    HttpResponse<InputStream> answer(HttpClient client, HttpRequest request, Duration longest)
        throws IOException, InterruptedException {
      CompletableFuture<HttpResponse<InputStream>> answer =
          client.sendAsync(request, BodyHandlers.ofInputStream());
      try {
        while (true) {
          long left = longest.toNanos() - (System.nanoTime() - moved);
          if (left <= 0) {
            throw new HttpTimeoutException("nothing moved for " + longest.toSeconds() + " seconds");
          }
          try {
            return answer.get(left, TimeUnit.NANOSECONDS);
          } catch (TimeoutException e) {
            // a piece may have been taken meanwhile
          }
        }
      } catch (ExecutionException e) {
        switch (Objects.requireNonNullElse(e.getCause(), e)) {
          case IOException failed -> throw failed;
          case IllegalArgumentException wrong -> throw wrong;
          default -> throw new IOException(String.valueOf(e.getMessage()), e);
        }
      } finally {
        answer.cancel(true); // where it has not come
      }
    }
  }
}
