package dev.nudge.machine;

import java.nio.file.Path;
import java.util.Locale;

/// Says what a run may use of the machine.
///
/// @param threads processor threads
/// @param memoryBytes memory that is free for a run
/// @param cache folder for unpacked native libraries
/// @param name what is written into records, for example `Linux amd64, 2 processors`
/// @param others runs that have planned to take memory
public record Machine(int threads, long memoryBytes, Path cache, String name, Reservations others) {
  private static final String RUNS = "memory"; // in the cache folder

  /// Says it without looking at other runs, and without telling them.
  public Machine(int threads, long memoryBytes, Path cache, String name) {
    this(threads, memoryBytes, cache, name, Reservations.none());
  }

  /// Takes all of this machine that is free now and that no other run has planned to take.
  ///
  /// @param cache folder for unpacked native libraries, 110 MB
  public static Machine here(Path cache) {
    int processors = Runtime.getRuntime().availableProcessors();
    Reservations others = Reservations.in(cache.resolve(RUNS));
    return new Machine(
        processors,
        Math.max(0, SystemMemory.here().freeBytes() - others.aheadBytes()),
        cache,
        String.format(
            Locale.ROOT,
            "%s %s, %d processors",
            System.getProperty("os.name"),
            System.getProperty("os.arch"),
            processors),
        others);
  }

  /// Takes what runs leave that were planned since this was said.
  public Machine again() {
    Reservations now = others.again();
    return new Machine(threads, Math.max(0, memoryBytes - now.newBytes(others)), cache, name, now);
  }

  /// Takes the same, with `.cache/nudge` of the home folder as cache.
  public static Machine here() {
    return here(Path.of(System.getProperty("user.home", "."), ".cache", "nudge"));
  }
}
