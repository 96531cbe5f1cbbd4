package dev.nudge.hub;

import dev.nudge.settings.InputException;
import dev.nudge.settings.Loopback;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The addresses of the hub and its cache, the account's token, and the limits of requests.
///
/// @param endpoint address of the hub or of a mirror, `http` or `https`, without a trailing slash
/// @param cache folder of the cache, `…/huggingface/hub`
/// @param token token of an account, sent to the endpoint's own origin only, by TLS or on
///     this machine; null: none
/// @param offline whether to send no requests
/// @param links whether the cache may use symbolic links, if the file system has them
/// @param timeout longest silence of the hub before a request is retried
/// @param proxies proxies between this machine and the hub
public record HubSettings(
    URI endpoint,
    Path cache,
    @Nullable String token,
    boolean offline,
    boolean links,
    Duration timeout,
    Proxies proxies) {

  /// The address of the public hub.
  public static final URI HUB = URI.create("https://huggingface.co");

  private static final Duration TIMEOUT = Duration.ofSeconds(30);
  private static final Set<String> TRUE = Set.of("1", "ON", "YES", "TRUE");

  public HubSettings {
    if (endpoint.getHost() == null
        || !("https".equals(endpoint.getScheme()) || "http".equals(endpoint.getScheme()))
        || endpoint.getRawUserInfo() != null
        || endpoint.getRawQuery() != null
        || !HubClient.hasPort(endpoint)) {
      throw new InputException(
          "HF_ENDPOINT is '%s'; it must be the address of a hub, such as %s"
              .formatted(endpoint, HUB));
    }
    if (timeout.isNegative() || timeout.isZero()) {
      throw new InputException(
          "HF_HUB_DOWNLOAD_TIMEOUT is " + timeout.toSeconds() + "; it must be above 0 seconds");
    }
    cache = cache.toAbsolutePath();
  }

  /// Returns settings for the public hub, without a token.
  public static HubSettings of(Path cache) {
    return new HubSettings(HUB, cache, null, false, true, TIMEOUT, Proxies.ofSystem());
  }

  /// Reads the variables that Python's client reads: `HF_ENDPOINT`, `HF_HUB_CACHE`, `HF_HOME`,
  /// `XDG_CACHE_HOME`, `HF_TOKEN`, `HF_TOKEN_PATH`, `HF_HUB_OFFLINE`, `HF_HUB_DISABLE_SYMLINKS`,
  /// `HF_HUB_DOWNLOAD_TIMEOUT`, the older names of two of them, and the variables of proxies.
  ///
  /// @param environment variables by name; this library does not read the environment itself
  /// @param home home folder of the user
  /// @throws InputException if one of them has a wrong value
  public static HubSettings of(Map<String, String> environment, Path home) {
    Variables all = new Variables(environment, home);
    Path shared = all.path("XDG_CACHE_HOME", home.resolve(".cache"));
    Path own = all.path("HF_HOME", shared.resolve("huggingface"));
    Path cache = all.path("HUGGINGFACE_HUB_CACHE", own.resolve("hub"));
    return new HubSettings(
        endpoint(all.text("HF_ENDPOINT")),
        all.path("HF_HUB_CACHE", cache),
        token(all, own),
        all.isTrue("HF_HUB_OFFLINE"),
        !all.isTrue("HF_HUB_DISABLE_SYMLINKS"),
        timeout(all.text("HF_HUB_DOWNLOAD_TIMEOUT")),
        Proxies.of(environment));
  }

  /// Returns a copy that sends no requests.
  public HubSettings withOffline() {
    return new HubSettings(endpoint, cache, token, true, links, timeout, proxies);
  }

  /// Variables of an environment; a blank variable counts as absent.
  private record Variables(Map<String, String> values, Path home) {
    @Nullable String text(String name) {
      String value = values.get(name);
      return value == null || value.isBlank() ? null : value.strip();
    }

    boolean isTrue(String name) {
      String value = text(name);
      return value != null && TRUE.contains(value.toUpperCase(Locale.ROOT));
    }

    Path path(String name, Path otherwise) {
      String value = text(name);
      if (value == null) {
        return otherwise;
      }
      return value.equals("~") || value.startsWith("~/")
          ? home.resolve(value.substring(Math.min(2, value.length())))
          : Path.of(value);
    }
  }

  private static URI endpoint(@Nullable String given) {
    if (given == null) {
      return HUB;
    }
    try {
      return URI.create(given.replaceAll("/+$", ""));
    } catch (IllegalArgumentException e) {
      throw new InputException(
          "HF_ENDPOINT is '%s'; it must be the address of a hub, such as %s".formatted(given, HUB),
          e);
    }
  }

  private static Duration timeout(@Nullable String given) {
    if (given == null) {
      return TIMEOUT;
    }
    try {
      return Duration.ofMillis((long) (1000 * Double.parseDouble(given)));
    } catch (NumberFormatException e) {
      throw new InputException(
          "HF_HUB_DOWNLOAD_TIMEOUT is '" + given + "'; it must be a number of seconds", e);
    }
  }

  private static @Nullable String token(Variables all, Path own) {
    String given = all.text("HF_TOKEN");
    if (given == null) {
      given = all.text("HUGGING_FACE_HUB_TOKEN");
    }
    Path file = all.path("HF_TOKEN_PATH", own.resolve("token"));
    if (given == null && Files.isRegularFile(file)) {
      try {
        given = Files.readString(file).strip();
      } catch (IOException e) {
        throw new RunException("the hub's token cannot be read: " + file, e);
      }
    }
    if (given == null || given.isEmpty()) {
      return null;
    }
    if (!given.matches("[\\x21-\\x7e]+")) {
      throw new InputException(
          "HF_TOKEN, or " + file + ", is no token: it has blanks or other signs");
    }
    return given;
  }

  /// Returns the token to send: never unencrypted to another machine or a proxy.
  @Nullable String sent() {
    boolean here = Loopback.is(endpoint.getHost()) && proxies.isDirect(endpoint);
    return "https".equals(endpoint.getScheme()) || here ? token : null;
  }

  /// Explains why the token is not sent; empty: it is sent, or there is none.
  String withheld() {
    return token == null || sent() != null
        ? ""
        : "the token is not sent: HF_ENDPOINT is %s, without TLS%s; give an https address"
            .formatted(endpoint, Loopback.is(endpoint.getHost()) ? " and through a proxy" : "");
  }

  /// Whether an address has the endpoint's origin.
  boolean isOwn(URI address) {
    return endpoint.getScheme().equals(address.getScheme())
        && endpoint.getHost().equalsIgnoreCase(address.getHost())
        && port(endpoint) == port(address);
  }

  private static int port(URI address) {
    int usual = "https".equals(address.getScheme()) ? 443 : 80;
    return address.getPort() >= 0 ? address.getPort() : usual;
  }

  /// Shows all settings but the token.
  @Override
  public String toString() {
    return "HubSettings[endpoint=%s, cache=%s, token=%s, offline=%s]"
        .formatted(endpoint, cache, token == null ? "none" : "***", offline);
  }
}
