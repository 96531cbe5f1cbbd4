package dev.nudge.registry;

import dev.nudge.format.Json;
import dev.nudge.format.Untrusted;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;

/// An HTTP client for one repository of an OCI registry: authentication and redirects.
///
/// A registry asks for authentication by `WWW-Authenticate`: basic, or with a bearer token from a
/// token server. Credentials and tokens are sent to the registry's own host only, never to a
/// redirect target.
///
/// Written over `java.net.http`: oras-java calls itself alpha and brings BouncyCastle, Caffeine and
/// zstd.
final class OciClient implements AutoCloseable {
  private static final Pattern PARAMETER = Pattern.compile("([a-z]+)=\"([^\"]*)\"");
  private static final int REDIRECTS = 5;
  private static final int SHOWN = 300; // bytes of a registry's error message
  private static final int MOST = 1 << 20; // bytes of a token's answer

  private final Address.Remote address;
  private final Address.@Nullable Credentials credentials;
  private final URI root;
  private static final Duration ANSWER = Duration.ofMinutes(2); // until it begins
  private static final long SLOWEST = 50_000; // bytes a second of an upload

  private final HttpClient client;
  private @Nullable String authorization;

  OciClient(Address.Remote address, Address.@Nullable Credentials credentials) {
    this.address = address;
    this.credentials = credentials;
    this.root =
        URI.create(
            (address.plain() ? "http://" : "https://")
                + address.host()
                + "/v2/"
                + address.repository()
                + "/");
    this.client =
        HttpClient.newBuilder()
            .connectTimeout(Duration.ofSeconds(20))
            .followRedirects(HttpClient.Redirect.NEVER)
            .build();
  }

  /// A request to a path in the repository.
  HttpRequest.Builder to(String path) {
    return HttpRequest.newBuilder(root.resolve(path)).timeout(ANSWER);
  }

  /// A request to a location that the registry returned.
  HttpRequest.Builder at(String location) {
    try {
      return HttpRequest.newBuilder(root.resolve(location)).timeout(ANSWER);
    } catch (IllegalArgumentException e) {
      throw new RunException(address + " names a place that is no address: " + location, e);
    }
  }

  /// A request that uploads `bytes`; its timeout includes the upload.
  HttpRequest.Builder at(String location, long bytes) {
    return at(location).timeout(ANSWER.plusSeconds(bytes / SLOWEST));
  }

  /// Sends a request, with authentication if the registry asks for it.
  ///
  /// @param right scope of the token: `pull` or `push`
  HttpResponse<InputStream> send(HttpRequest.Builder request, String right) throws IOException {
    HttpResponse<InputStream> answer = sendOnce(authorized(request));
    if (answer.statusCode() != 401) {
      return answer;
    }
    answer.body().close();
    String challenge = answer.headers().firstValue("WWW-Authenticate").orElse("");
    authorization = authorization(challenge, right.equals("push") ? "pull,push" : right);
    return sendOnce(authorized(request));
  }

  private HttpRequest authorized(HttpRequest.Builder request) {
    HttpRequest plain = request.build();
    return authorization == null || !isOurs(plain.uri())
        ? plain
        : request.setHeader("Authorization", authorization).build();
  }

  private boolean isOurs(URI uri) {
    return root.getAuthority().equals(uri.getAuthority())
        && root.getScheme().equals(uri.getScheme());
  }

  private HttpResponse<InputStream> sendOnce(HttpRequest request) throws IOException {
    try {
      return client.send(request, BodyHandlers.ofInputStream());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted");
    } catch (IOException e) {
      throw new IOException(
          "%s cannot be reached%s".formatted(request.uri().getAuthority(), why(e)), e);
    }
  }

  private static String why(IOException e) {
    String untrusted = Untrusted.why(e);
    if (untrusted != null) {
      return ": " + untrusted;
    }
    if (e instanceof SSLException) {
      return " by TLS; --plain-http goes without";
    }
    return e.getMessage() == null ? "" : " (" + e.getMessage() + ")";
  }

  /// Sends a request and returns the status.
  int status(HttpRequest.Builder request) throws IOException {
    HttpResponse<InputStream> answer = send(request, "push");
    answer.body().close();
    return answer.statusCode();
  }

  /// Follows a redirect, without credentials.
  HttpResponse<InputStream> follow(HttpResponse<InputStream> answer) throws IOException {
    HttpResponse<InputStream> last = answer;
    for (int i = 0; i < REDIRECTS && last.statusCode() / 100 == 3; i++) {
      last.body().close();
      URI next = last.uri().resolve(last.headers().firstValue("Location").orElse(""));
      if (root.getScheme().equals("https") && !"https".equals(next.getScheme())) {
        throw new RunException(address + " redirects to " + next.getHost() + " without TLS");
      }
      last = sendOnce(authorized(HttpRequest.newBuilder(next).GET()));
    }
    return last;
  }

  /// Checks the status of an answer.
  ///
  /// @throws InputException if the registry rejects the credentials
  /// @throws RunException if the request failed otherwise
  void expect(HttpResponse<InputStream> answer, int status) throws IOException {
    if (answer.statusCode() == status) {
      return;
    }
    String said;
    try (InputStream body = answer.body()) {
      said =
          new String(body.readNBytes(SHOWN), StandardCharsets.UTF_8)
              .replaceAll("\\p{Cntrl}+", " ")
              .strip();
    }
    if (answer.statusCode() == 401 || answer.statusCode() == 403) {
      throw new InputException(
          "%s refuses (%d); give --credentials of one who may do this"
              .formatted(address, answer.statusCode()));
    }
    throw new RunException(
        "%s answered %d to %s%s"
            .formatted(
                address,
                answer.statusCode(),
                answer.request().method(),
                said.isEmpty() ? "" : ": " + said));
  }

  private @Nullable String authorization(String challenge, String rights) throws IOException {
    Address.Credentials own = credentials;
    String basic =
        own == null
            ? null
            : "Basic "
                + Base64.getEncoder()
                    .encodeToString(
                        (own.user() + ":" + own.password()).getBytes(StandardCharsets.UTF_8));
    if (!challenge.regionMatches(true, 0, "Bearer ", 0, 7)) {
      return basic;
    }
    Map<String, String> said = new HashMap<>();
    Matcher parameter = PARAMETER.matcher(challenge);
    while (parameter.find()) {
      said.put(parameter.group(1), parameter.group(2));
    }
    String scope = "repository:" + address.repository() + ":" + rights;
    URI realm =
        root.resolve(
            said.getOrDefault("realm", "")
                + "?service="
                + encoded(said.getOrDefault("service", ""))
                + "&scope="
                + encoded(scope));
    if (root.getScheme().equals("https") && !"https".equals(realm.getScheme())) {
      throw new RunException(
          address + " sends to " + realm.getHost() + " for a token, without TLS");
    }
    HttpRequest.Builder ask = HttpRequest.newBuilder(realm).GET();
    if (basic != null) {
      ask.setHeader("Authorization", basic);
    }
    HttpResponse<InputStream> answer = sendOnce(ask.build());
    expect(answer, 200);
    try (InputStream body = answer.body()) {
      var token = Json.parse(new String(body.readNBytes(MOST), StandardCharsets.UTF_8));
      String text = token.path("token").asString(token.path("access_token").asString(""));
      return "Bearer " + text;
    } catch (JacksonException e) {
      throw new RunException(realm.getHost() + " gave no token", e);
    }
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  @Override
  public void close() {
    client.close();
  }
}
