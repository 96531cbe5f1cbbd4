package dev.nudge.spark;

import java.nio.file.Files;
import java.nio.file.Path;

/// Where a process of a cluster unpacks native libraries and keeps digests: the environment's
/// `NUDGE_CACHE`, else the home folder's cache, else a folder of this user among the temporary
/// files.
final class ExecutorCache {
  private ExecutorCache() {}

  static Path folder() {
    String given = System.getenv("NUDGE_CACHE");
    if (given != null && !given.isBlank()) {
      return Path.of(given);
    }
    Path home = Path.of(System.getProperty("user.home", "."));
    return Files.isWritable(home)
        ? home.resolve(".cache").resolve("nudge")
        : Path.of(
            System.getProperty("java.io.tmpdir"), "nudge-" + System.getProperty("user.name", ""));
  }
}
