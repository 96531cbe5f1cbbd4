package dev.nudge.server;

import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Loopback;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Clock;
import org.jspecify.annotations.Nullable;

/// Authenticates requests and decides who may use the admin routes.
///
/// Without API keys every client is served. Without an admin key the admin routes are open to this
/// machine only, and only without API keys: the Host header must name a loopback address, and a
/// browser's Origin must be the server's own, because any web page can send requests to 127.0.0.1.
///
/// @param keys null: no authentication
/// @param admin digest of the admin key; null: none
/// @param local whether the server listens on loopback only
record Access(@Nullable ApiKeys keys, @Nullable String admin, boolean local, Client anybody) {
  /// The access level of a route.
  enum Level {
    /// Anyone, without a key.
    OPEN,
    /// Clients with an API key.
    CLIENT,
    /// Holders of the admin key.
    ADMIN
  }

  private static final String BEARER = "Bearer ";

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
        Client.anybody());
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
    if (level == Level.ADMIN) {
      return withoutAdminKey(key, host, origin);
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

  private Client withoutAdminKey(@Nullable String key, String host, @Nullable String origin) {
    if (admin != null) {
      if (key == null) {
        throw ApiException.unauthorized("the admin key is missing; send Authorization: Bearer KEY");
      }
      throw ApiException.forbidden(null, "not_admin", "this needs the admin key");
    }
    if (keys != null || !local) {
      throw ApiException.forbidden(
          null, "no_admin_key", "this needs an admin key, and the server has none");
    }
    boolean otherPage = origin != null && !host.equals(hostOf(origin));
    if (otherPage || !Loopback.is(withoutPort(host))) {
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
          "without an admin key this is for programs on this machine alone, and a proxy passed this on; give the server --admin-key-file");
    }
  }

  /// Whether the admin routes are open to this machine without a key.
  boolean trustsThisMachine() {
    return admin == null && keys == null && local;
  }

  private static @Nullable String hostOf(String origin) {
    try {
      return URI.create(origin).getAuthority();
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  private static String withoutPort(String host) {
    return host.replaceFirst(":\\d+$", "");
  }
}
