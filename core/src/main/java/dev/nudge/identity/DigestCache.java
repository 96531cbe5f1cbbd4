package dev.nudge.identity;

import dev.nudge.format.Json;
import dev.nudge.format.Sha256;
import dev.nudge.format.WeightFile;
import dev.nudge.python.PythonJson;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Caches the digests of models' weights. Each model folder has a file `digests/….json` in the
/// user's cache folder, valid while the weight files have the same paths, sizes and modification
/// times.
///
/// The file may be lost at any time; an unreadable or unwritable cache is ignored.
final class DigestCache {
  private final Path file;
  private final Map<String, Object> files = new TreeMap<>(); // path → size and time
  private boolean usable = true;

  private DigestCache(Path file) {
    this.file = file;
  }

  static DigestCache of(WeightFile weights, Path cache) {
    String place = weights.source().toAbsolutePath().normalize().toString();
    String name = Sha256.of(place.getBytes(StandardCharsets.UTF_8));
    DigestCache digests =
        new DigestCache(
            cache.resolve("digests").resolve(name.substring(Sha256.PREFIX.length()) + ".json"));
    for (Path file : weights.files()) {
      try {
        Path real = file.toRealPath();
        BasicFileAttributes is = Files.readAttributes(real, BasicFileAttributes.class);
        digests.files.put(real.toString(), is.size() + " " + is.lastModifiedTime());
      } catch (IOException e) {
        digests.usable = false;
      }
    }
    return digests;
  }

  /// Reads the digest; null if it is not cached.
  @Nullable String read() {
    if (!usable) {
      return null;
    }
    JsonNode kept = Json.readOrMissing(file);
    boolean same = kept.path("files").equals(Json.tree(files));
    String digest = kept.path("digest").asString("");
    return same && digest.startsWith(Sha256.PREFIX) ? digest : null;
  }

  /// Stores the digest for later processes.
  void write(String digest) {
    if (!usable) {
      return;
    }
    Map<String, Object> kept = new LinkedHashMap<>();
    kept.put("digest", digest);
    kept.put("files", files);
    try {
      Files.createDirectories(file.getParent());
      Path beside = Files.createTempFile(file.getParent(), "digest", ".tmp");
      try {
        Files.writeString(beside, PythonJson.write(kept) + "\n");
        Files.move(
            beside, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      } finally {
        Files.deleteIfExists(beside);
      }
    } catch (IOException e) {
      // computed again next time
    }
  }
}
