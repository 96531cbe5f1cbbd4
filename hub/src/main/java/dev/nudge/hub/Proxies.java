package dev.nudge.hub;

import dev.nudge.settings.InputException;
import java.io.IOException;
import java.net.Authenticator;
import java.net.InetSocketAddress;
import java.net.PasswordAuthentication;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// HTTP proxies by the scheme of the requested address, and hosts that need no proxy.
///
/// @param http proxy for `http` addresses; null: none
/// @param https proxy for `https` addresses; null: none
/// @param direct hosts and domains without a proxy; `*`: all
/// @param system whether Java's own selector applies in place of these proxies
public record Proxies(
    @Nullable URI http, @Nullable URI https, List<String> direct, boolean system) {

  public Proxies {
    direct = List.copyOf(direct);
  }

  /// Returns Java's own proxy settings (`-Dhttps.proxyHost`).
  public static Proxies ofSystem() {
    return new Proxies(null, null, List.of(), true);
  }

  /// Reads `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, in lower or upper case.
  public static Proxies of(Map<String, String> environment) {
    String all = value(environment, "all_proxy");
    URI http = proxy("http_proxy", value(environment, "http_proxy"), all);
    URI https = proxy("https_proxy", value(environment, "https_proxy"), all);
    String direct = value(environment, "no_proxy");
    return new Proxies(
        http,
        https,
        direct == null
            ? List.of()
            : Arrays.stream(direct.split("[,\\s]+")).filter(host -> !host.isEmpty()).toList(),
        http == null && https == null);
  }

  private static @Nullable String value(Map<String, String> environment, String name) {
    String value = environment.get(name);
    if (value == null || value.isBlank()) {
      value = environment.get(name.toUpperCase(Locale.ROOT));
    }
    return value == null || value.isBlank() ? null : value.strip();
  }

  private static @Nullable URI proxy(String name, @Nullable String given, @Nullable String all) {
    String text = given == null ? all : given;
    if (text == null) {
      return null;
    }
    try {
      URI uri = URI.create(text.contains("://") ? text : "http://" + text);
      if (uri.getHost() != null && "http".equals(uri.getScheme()) && HubClient.hasPort(uri)) {
        return uri;
      }
    } catch (IllegalArgumentException e) {
      // refused below, without the text: it may hold a password
    }
    throw new InputException(name + " is no proxy that can be used; it must be http://HOST:PORT");
  }

  /// Returns the selector for Java's client; null: connections are direct.
  @Nullable ProxySelector selector() {
    return system ? ProxySelector.getDefault() : new Selector();
  }

  /// Whether requests to an address use no proxy.
  boolean isDirect(URI address) {
    ProxySelector selector = selector();
    return selector == null || selector.select(address).stream().allMatch(Proxy.NO_PROXY::equals);
  }

  /// Returns the authenticator for proxies with a password; null: no proxy has one.
  @Nullable Authenticator authenticator() {
    for (URI proxy : Arrays.asList(https, http)) {
      String user = proxy == null ? null : proxy.getRawUserInfo();
      if (user != null) {
        String[] parts = user.split(":", 2);
        char[] password = decoded(parts.length < 2 ? "" : parts[1]).toCharArray();
        return new Authenticator() {
          @Override
          protected @Nullable PasswordAuthentication getPasswordAuthentication() {
            return getRequestorType() == RequestorType.PROXY
                ? new PasswordAuthentication(decoded(parts[0]), password)
                : null;
          }
        };
      }
    }
    return null;
  }

  private static String decoded(String text) {
    return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
  }

  private boolean isDirect(String host) {
    return direct.stream()
        .map(name -> name.startsWith(".") ? name.substring(1) : name)
        .anyMatch(
            name ->
                name.equals("*")
                    || host.equalsIgnoreCase(name)
                    || host.toLowerCase(Locale.ROOT).endsWith("." + name.toLowerCase(Locale.ROOT)));
  }

  private final class Selector extends ProxySelector {
    @Override
    public List<Proxy> select(URI uri) {
      URI proxy = "https".equals(uri.getScheme()) ? https : http;
      String host = uri.getHost() == null ? "" : uri.getHost();
      if (proxy == null || isDirect(host)) {
        return List.of(Proxy.NO_PROXY);
      }
      int port = proxy.getPort() < 0 ? 80 : proxy.getPort();
      return List.of(
          new Proxy(Proxy.Type.HTTP, InetSocketAddress.createUnresolved(proxy.getHost(), port)));
    }

    @Override
    public void connectFailed(URI uri, SocketAddress address, IOException e) {}
  }
}
