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
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Objects;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// Sends requests to the hub, follows its redirects and tries again what may pass.
///
/// The token goes to the endpoint's own origin (scheme, host and port) and nowhere else, and no
/// redirect leads from TLS to no TLS.
final class HubClient implements AutoCloseable {
  private static final int REDIRECTS = 8;
  private static final int MOST = 64 << 20; // bytes of an answer of the API

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

  /// An answer that has begun.
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

  /// The address of a path below the endpoint.
  URI at(String path) {
    return URI.create(settings.endpoint() + path);
  }

  /// Encodes a part of a path; a slash stays only where it parts folders.
  static String encoded(String text, boolean keepSlashes) {
    String all = URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    return keepSlashes ? all.replace("%2F", "/") : all;
  }

  /// The address of a file at a commit.
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

  /// Asks once, and follows redirects.
  ///
  /// @param headers such as `Range`
  /// @throws IOException if the network fails
  Answer get(URI address, Map<String, String> headers) throws IOException {
    HttpRequest.Builder first = HttpRequest.newBuilder(address).GET();
    HttpResponse<InputStream> answer = send(first, headers);
    for (int hop = 0; isRedirect(answer.statusCode()); hop++) {
      answer.body().close();
      if (hop == REDIRECTS) {
        throw new RunException(
            "%s redirects without end (%d times)".formatted(shown(address), REDIRECTS));
      }
      URI next = next(answer);
      answer = send(HttpRequest.newBuilder(next).GET(), headers);
    }
    return new Answer(answer);
  }

  private static boolean isRedirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
  }

  private static URI next(HttpResponse<?> answer) {
    String location = answer.headers().firstValue("Location").orElse("");
    URI from = answer.uri();
    try {
      URI next = from.resolve(location);
      boolean safe = "https".equals(next.getScheme());
      boolean plain = "http".equals(next.getScheme()) && "http".equals(from.getScheme());
      if (!location.isEmpty() && next.getHost() != null && (safe || plain)) {
        return next;
      }
    } catch (IllegalArgumentException e) {
      // told below
    }
    throw new RunException(
        "%s redirects to an address that is not followed".formatted(shown(from)));
  }

  /// Sends one request, with the token where it is the endpoint's.
  HttpResponse<InputStream> send(HttpRequest.Builder request, Map<String, String> headers)
      throws IOException {
    String token = settings.token();
    if (token != null && isOwn(request.build().uri())) {
      request.setHeader("Authorization", "Bearer " + token);
    }
    return sendWithout(request.timeout(settings.timeout()), headers);
  }

  /// Sends one request without the token: its address says who may do it.
  HttpResponse<InputStream> sendWithout(HttpRequest.Builder request, Map<String, String> headers)
      throws IOException {
    request.setHeader("User-Agent", "nudge");
    headers.forEach(request::setHeader);
    HttpRequest asked = request.build();
    try {
      return client.send(asked, BodyHandlers.ofInputStream());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted");
    } catch (IOException e) {
      String line = asked.uri().getAuthority() + " " + why(e);
      throw e instanceof ConnectException
              || e instanceof HttpConnectTimeoutException
              || Untrusted.why(e) != null
          ? new Unreachable(line, e)
          : new IOException(line, e);
    }
  }

  /// There is no connection, so another attempt at once has no use.
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
      return "cannot be reached: the proxy asks for a user and a password; for https give NUDGE_JAVA_OPTS=-Djdk.http.auth.tunneling.disabledSchemes= too";
    }
    return e instanceof HttpTimeoutException && !(e instanceof HttpConnectTimeoutException)
        ? "did not answer in time"
        : "cannot be reached (" + said + ")";
  }

  /// Whether an address is of the endpoint's origin.
  private boolean isOwn(URI address) {
    URI own = settings.endpoint();
    return own.getScheme().equals(address.getScheme())
        && own.getHost().equalsIgnoreCase(address.getHost())
        && port(own) == port(address);
  }

  private static int port(URI address) {
    int usual = "https".equals(address.getScheme()) ? 443 : 80;
    return address.getPort() >= 0 ? address.getPort() : usual;
  }

  /// An address without its query, which may hold a signature.
  static String shown(URI address) {
    return address.getScheme() + "://" + address.getRawAuthority() + address.getRawPath();
  }

  /// Gets JSON, with attempts.
  ///
  /// @return the answer, read to its end
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
}
