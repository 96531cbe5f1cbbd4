package dev.nudge.server;

import dev.nudge.format.OutFolder;
import dev.nudge.server.access.ApiKeys;
import dev.nudge.server.access.ClientUsage;
import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Client;
import dev.nudge.server.http.Exchange;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Loopback;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Clock;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Authenticates requests and decides who may use the admin routes.
///
/// Without API keys the server serves every program that reaches the port, but no page of another
/// site: any page can send requests to 127.0.0.1, and its host name can resolve there (DNS
/// rebinding). So Host must be a name of this server, a browser's Origin the server's own or an
/// allowed one, and a body `application/json`, which a page cannot send to another origin without a
/// preflight.
///
/// Without an admin key all changes are refused, unless `--allow-keyless-admin` trusts all programs
/// of this machine. Without API keys they may also use the read-only admin routes.
///
/// @param keys null: no authentication
/// @param admin digest of the admin key; null: none
/// @param local whether the server listens on loopback only
/// @param keylessAdmin whether programs of this machine may make changes
/// @param hosts besides loopback ones, lower case
/// @param origins of pages that may send requests, lower case
record Access(
    @Nullable ApiKeys keys,
    @Nullable String admin,
    boolean local,
    boolean keylessAdmin,
    Set<String> hosts,
    Set<String> origins,
    Client anybody) {
  /// The access level of a route.
  enum Level {
    /// Anyone, without a key.
    OPEN,
    /// Clients with an API key.
    CLIENT,
    /// Holders of the admin key; without any key, programs of this machine.
    INSPECT,
    /// Holders of the admin key; without one, programs of this machine if allowed.
    ADMIN
  }

  private static final String BEARER = "Bearer ";
  private static final String HEALTH = "/health";
  private static final String JSON = "application/json";

  /// @throws InputException if a key file cannot be read
  static Access of(ServeSettings settings) {
    Path clients = settings.apiKeys();
    Path admin = settings.adminKeyFile();
    return new Access(
        clients == null
            ? null
            : ApiKeys.read(clients, ClientUsage.beside(clients, Clock.systemUTC())),
        admin == null ? null : adminDigest(admin),
        settings.isLocal(),
        settings.allowKeylessAdmin(),
        Stream.concat(Stream.of(settings.host()), settings.allowHost().stream())
            .map(Access::bare)
            .collect(Collectors.toSet()),
        settings.allowOrigin().stream()
            .map(
                url ->
                    url.toLowerCase(Locale.ROOT)
                        .replaceFirst("^(http:.*):80$|^(https:.*):443$", "$1$2"))
            .collect(Collectors.toSet()),
        Client.anybody());
  }

  /// Refuses requests that a page of another site may have sent, before any other check of the
  /// request, and sets the CORS headers of an allowed origin.
  ///
  /// @return whether the request is a preflight, to answer now
  /// @throws ApiException if the server has no API keys and the request is cross-site
  boolean preflight(Exchange exchange) {
    if (keys == null && !exchange.path().equals(HEALTH)) { // probes use any address
      checkHost(exchange);
    }
    String origin = exchange.header("Origin");
    boolean foreign = origin != null && !isOwn(origin, String.valueOf(exchange.header("Host")));
    if (origin != null && origins.contains(origin.toLowerCase(Locale.ROOT))) {
      foreign = false;
      exchange.header("Access-Control-Allow-Origin", origin);
      exchange.header("Access-Control-Expose-Headers", "*");
      exchange.header("Vary", "Origin");
      if (exchange.method().equals("OPTIONS")) {
        exchange.header("Access-Control-Allow-Methods", "GET, POST");
        String wanted = exchange.header("Access-Control-Request-Headers");
        exchange.header("Access-Control-Allow-Headers", wanted == null ? "*" : wanted);
        exchange.header("Access-Control-Max-Age", "600");
        return true;
      }
    }
    if (keys != null) {
      return false; // a page of another site has no key
    }
    if (origin != null && foreign) {
      throw ApiException.forbidden(
          null,
          "origin_not_allowed",
          "pages of '%s' may not ask this server; it takes those of --allow-origin URL"
              .formatted(ApiException.shown(origin)));
    }
    String type = String.valueOf(exchange.header("Content-Type"));
    if (exchange.hasBody() && !type.split(";", 2)[0].strip().equalsIgnoreCase(JSON)) {
      throw new ApiException(
          415,
          "invalid_request_error",
          null,
          "unsupported_media_type",
          0,
          "the Content-Type is %s; it must be %s"
              .formatted(
                  type.equals("null") ? "missing" : "'" + ApiException.shown(type) + "'", JSON));
    }
    return false;
  }

  private void checkHost(Exchange exchange) {
    List<String> given = exchange.headers("Host");
    String host = given.size() == 1 ? bare(withoutPort(given.getFirst())) : "";
    if (!Loopback.is(host) && !hosts.contains(host)) {
      throw ApiException.forbidden(
          null,
          "host_not_allowed",
          "the Host is '%s'; without --api-keys this server takes localhost, 127.0.0.1 and the names of --allow-host"
              .formatted(ApiException.shown(String.join(", ", given))));
    }
  }

  /// Normalises a host: lower case, an IPv6 address without brackets.
  private static String bare(String host) {
    String name = host.toLowerCase(Locale.ROOT);
    return name.startsWith("[") && name.endsWith("]") ? name.substring(1, name.length() - 1) : name;
  }

  private static String adminDigest(Path file) {
    try {
      String text = Files.readString(file).strip();
      if (text.length() < 16) {
        throw new InputException(
            "--admin-key-file %s holds %d characters; a key has at least 16, as nudge keys add makes it"
                .formatted(file, text.length()));
      }
      return text.matches("sha256:[0-9a-f]{64}") ? text : ApiKeys.digest(text);
    } catch (IOException e) {
      throw new InputException(
          "--admin-key-file " + file + " cannot be read: " + OutFolder.reason(e), e);
    }
  }

  /// Identifies the client of a request.
  ///
  /// @param authorization the header; null: absent
  /// @throws ApiException if the client has no access at this level
  Client check(Level level, @Nullable String authorization, String host, @Nullable String origin) {
    if (level == Level.OPEN) {
      return anybody;
    }
    String key =
        authorization != null && authorization.regionMatches(true, 0, BEARER, 0, BEARER.length())
            ? authorization.substring(BEARER.length()).strip()
            : null;
    if (key != null && isAdmin(key)) {
      return new Client("admin", null, null, null, null, anybody.quota());
    }
    if (level != Level.CLIENT) {
      return withoutAdminKey(level, key, host, origin);
    }
    if (keys == null) {
      return anybody;
    }
    if (key == null) {
      throw ApiException.unauthorized("the key is missing; send Authorization: Bearer KEY");
    }
    Client client = keys.client(key);
    if (client == null) {
      throw ApiException.unauthorized("the key is not one of this server's");
    }
    return client;
  }

  private boolean isAdmin(String key) {
    return admin != null
        && MessageDigest.isEqual(
            ApiKeys.digest(key).getBytes(StandardCharsets.US_ASCII),
            admin.getBytes(StandardCharsets.US_ASCII));
  }

  private Client withoutAdminKey(
      Level level, @Nullable String key, String host, @Nullable String origin) {
    if (admin != null) {
      if (key == null) {
        throw ApiException.unauthorized("the admin key is missing; send Authorization: Bearer KEY");
      }
      throw ApiException.forbidden(null, "not_admin", "this needs the admin key");
    }
    if (keys != null || !local) {
      throw ApiException.forbidden(
          null,
          "no_admin_key",
          "this needs an admin key, and the server has none; start it with --admin-key-file FILE");
    }
    if (level == Level.ADMIN && !keylessAdmin) {
      throw ApiException.forbidden(
          null,
          "no_admin_key",
          "this needs an admin key, and the server has none; start it with --admin-key-file FILE,"
              + " or with --allow-keyless-admin to let every program of this machine do it");
    }
    if (origin != null && !isOwn(origin, host) || !Loopback.is(withoutPort(host))) {
      throw ApiException.forbidden(
          null, "not_local", "without an admin key this is for programs on this machine alone");
    }
    return anybody;
  }

  /// Rejects a request forwarded by a proxy, whose client may be on another machine.
  static void checkDirect(boolean forwarded) {
    if (forwarded) {
      throw ApiException.forbidden(
          null,
          "not_local",
          "without an admin key this is for programs on this machine alone, and a proxy passed this"
              + " on; give the server --admin-key-file");
    }
  }

  /// Returns whether admin routes need no key on this machine.
  boolean trustsThisMachine() {
    return admin == null && keys == null && local;
  }

  /// Returns whether an origin is this server: its scheme and Host.
  private static boolean isOwn(String origin, String host) {
    return origin.equalsIgnoreCase("http://" + host) || origin.equalsIgnoreCase("https://" + host);
  }

  private static String withoutPort(String host) {
    return host.replaceFirst(":\\d*$", "");
  }
}
