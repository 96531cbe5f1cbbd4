package dev.nudge.machine;

import dev.nudge.collective.Collective;
import java.nio.file.Path;
import java.util.Locale;

/// Says which threads and how much memory a run may use.
///
/// @param threads processor threads
/// @param memoryBytes memory that is free for a run
/// @param cache folder for unpacked native libraries
/// @param name for records, for example `Linux amd64, 2 processors`
/// @param others memory reservations of other runs on this machine
/// @param peers the processes that share a run, each with such a machine
public record Machine(
    int threads, long memoryBytes, Path cache, String name, Reservations others, Collective peers) {
  private static final String RUNS = "memory"; // in the cache folder

  /// Makes a machine of which one process has a run for itself.
  public Machine(int threads, long memoryBytes, Path cache, String name, Reservations others) {
    this(threads, memoryBytes, cache, name, others, Collective.ALONE);
  }

  /// Makes a machine that neither reads nor makes memory reservations.
  public Machine(int threads, long memoryBytes, Path cache, String name) {
    this(threads, memoryBytes, cache, name, Reservations.none());
  }

  /// Returns this machine as one of those that share a run.
  public Machine among(Collective ranks) {
    return new Machine(threads, memoryBytes, cache, name, others, ranks);
  }

  /// Returns this machine with another amount of memory.
  public Machine withMemory(long bytes) {
    return new Machine(threads, bytes, cache, name, others, peers);
  }

  /// Detects this machine: all processors, and the free memory that no other run has reserved.
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

  /// Returns this machine less the memory that other runs have reserved since it was read.
  public Machine again() {
    Reservations now = others.again();
    long free = Math.max(0, memoryBytes - now.newBytes(others));
    return new Machine(threads, free, cache, name, now, peers);
  }

  /// Detects this machine, with `.cache/nudge` of the home folder as cache.
  public static Machine here() {
    return here(Path.of(System.getProperty("user.home", "."), ".cache", "nudge"));
  }
}
