package dev.nudge.server.access;

import dev.nudge.format.Json;
import dev.nudge.format.JsonMistake;
import dev.nudge.format.OutFolder;
import dev.nudge.format.Sha256;
import dev.nudge.server.http.Client;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// The API keys of clients, from a JSON file that holds only digests.
///
/// A key is 32 random bytes, so a single SHA-256 is as safe as a slow hash. The file is reloaded
/// when it changes, so a removed client loses access at once; an unreadable file keeps the last
/// state.
///
/// ```json
/// {"clients": [{"name": "acme", "key": "sha256:…", "adapters": ["support", "legal@champion"],
///     "default_adapter": "support", "requests_per_minute": 60, "tokens_per_day": 1000000}]}
/// ```
///
/// Threading: any number of threads.
public final class ApiKeys {
  private static final String PREFIX = "sk-nudge-";
  private static final int RANDOM_BYTES = 32;
  private static final Set<String> KNOWN =
      Set.of("name", "key", "adapters", "default_adapter", "requests_per_minute", "tokens_per_day");

  private final Path file;
  private final ClientUsage usage;
  private volatile Read read;
  private volatile Consumer<String> warnings = line -> {};
  private @Nullable String told;

  /// A loaded state of the file.
  private record Read(Map<String, Client> byDigest, FileTime time, long bytes) {}

  private ApiKeys(Path file, ClientUsage usage, Read read) {
    this.file = file;
    this.usage = usage;
    this.read = read;
  }

  /// Loads a key file.
  ///
  /// @throws InputException if the file cannot be read or has unknown content
  public static ApiKeys read(Path file) {
    return read(file, ClientUsage.none());
  }

  /// Loads a key file of clients with earlier usage.
  ///
  /// @throws InputException if the file cannot be read or has unknown content
  public static ApiKeys read(Path file, ClientUsage usage) {
    return new ApiKeys(file, usage, load(file, usage));
  }

  /// The usage of the clients.
  public ClientUsage usage() {
    return usage;
  }

  /// Generates a key; it is shown once and stored as a digest.
  public static String make() {
    byte[] random = new byte[RANDOM_BYTES];
    new SecureRandom().nextBytes(random);
    return PREFIX + Base64.getUrlEncoder().withoutPadding().encodeToString(random);
  }

  /// The stored digest of a key, `sha256:…`.
  public static String digest(String key) {
    return Sha256.of(key.getBytes(StandardCharsets.UTF_8));
  }

  /// The client of a key; null if the key is unknown.
  public @Nullable Client client(String key) {
    refresh();
    return read.byDigest.get(digest(key)); // look-up time of a digest leaks nothing
  }

  private void refresh() {
    Read now = read;
    try {
      if (Files.getLastModifiedTime(file).equals(now.time) && Files.size(file) == now.bytes) {
        return;
      }
      synchronized (this) {
        read = load(file, usage);
      }
    } catch (IOException | InputException e) {
      tell(String.valueOf(e.getMessage()));
    }
  }

  /// Warns once that the file cannot be read.
  private synchronized void tell(String mistake) {
    if (!mistake.equals(told)) {
      told = mistake;
      warnings.accept(mistake + "; the clients stay as they were before");
    }
  }

  /// Sets the receiver of warnings.
  public void warn(Consumer<String> to) {
    warnings = to;
  }

  /// @param usage of clients, by name
  private static Read load(Path file, ClientUsage usage) {
    try {
      FileTime time = Files.getLastModifiedTime(file);
      String text = Files.readString(file);
      Map<String, Client> clients = new HashMap<>();
      Set<String> names = new HashSet<>();
      JsonNode list = Json.parseStrictly(text).path("clients");
      if (!list.isArray()) {
        throw new InputException(file + " has no list 'clients'; make it with nudge keys add");
      }
      for (JsonNode one : list) {
        Client client = client(file, one, usage);
        if (!names.add(client.name()) || clients.put(one.path("key").asString(), client) != null) {
          throw new InputException(
              file + " has the client '" + client.name() + "' or its key twice; take one out");
        }
      }
      return new Read(Map.copyOf(clients), time, Files.size(file));
    } catch (JacksonException e) {
      String place = JsonMistake.place(e);
      throw new InputException(
          "%s is not JSON%s: %s; make it with nudge keys add"
              .formatted(file, place.isEmpty() ? "" : ", " + place, JsonMistake.of(e)),
          e);
    } catch (IOException e) {
      throw new InputException("--api-keys " + file + " cannot be read: " + OutFolder.reason(e), e);
    }
  }

  private static Client client(Path file, JsonNode node, ClientUsage usage) {
    for (String key : node.propertyNames()) {
      if (!KNOWN.contains(key)) {
        throw new InputException(
            "%s: a client has '%s'; known are %s".formatted(file, key, String.join(", ", KNOWN)));
      }
    }
    String name = node.path("name").asString("");
    if (name.isBlank() || !node.path("key").asString("").matches("sha256:[0-9a-f]{64}")) {
      throw new InputException(
          file + ": a client needs a name, and a key of the form sha256:…, 64 hex digits");
    }
    JsonNode adapters = node.path("adapters");
    List<String> allowed =
        adapters.isArray() ? adapters.valueStream().map(JsonNode::asString).toList() : null;
    if (allowed == null && node.hasNonNull("adapters")) {
      throw new InputException(file + ": adapters of client '" + name + "' is no list of names");
    }
    JsonNode usual = node.path("default_adapter");
    return new Client(
        name,
        allowed,
        usual.isString() ? usual.stringValue() : null,
        count(file, node, "requests_per_minute"),
        count(file, node, "tokens_per_day"),
        usage.quota(name));
  }

  private static @Nullable Long count(Path file, JsonNode node, String key) {
    JsonNode value = node.path(key);
    if (!node.hasNonNull(key)) {
      return null;
    }
    if (!value.isIntegralNumber() || value.longValue() < 1) {
      throw new InputException(
          "%s: %s is %s; it must be a whole number, at least 1".formatted(file, key, value));
    }
    return value.longValue();
  }
}
