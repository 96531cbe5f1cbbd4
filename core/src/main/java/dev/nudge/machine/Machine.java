package dev.nudge.machine;

import java.nio.file.Path;
import java.util.Locale;

/// Says what a run may use of the machine.
///
/// @param threads processor threads
/// @param memoryBytes memory that is free for a run
/// @param cache folder for unpacked native libraries
/// @param name what is written into records, for example `Linux amd64, 2 processors`
public record Machine(int threads, long memoryBytes, Path cache, String name) {

  /// Takes all of this machine that is free now.
  ///
  /// @param cache folder for unpacked native libraries, 110 MB
  public static Machine here(Path cache) {
    int processors = Runtime.getRuntime().availableProcessors();
    return new Machine(
        processors,
        SystemMemory.here().freeBytes(),
        cache,
        String.format(
            Locale.ROOT,
            "%s %s, %d processors",
            System.getProperty("os.name"),
            System.getProperty("os.arch"),
            processors));
  }

  /// Takes all of this machine that is free now, with `.cache/nudge` of the home folder as cache.
  public static Machine here() {
    return here(Path.of(System.getProperty("user.home", "."), ".cache", "nudge"));
  }
}
