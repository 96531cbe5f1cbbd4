package dev.nudge.hub;

import java.nio.file.Path;
import java.time.Duration;

/// Is told what the hub is asked for. All calls come on the caller's thread, and all may be left
/// out.
public interface HubListener {
  /// Tells nobody.
  HubListener NONE = new HubListener() {};

  /// Files of a repository will be fetched.
  ///
  /// @param name the repository
  /// @param files to fetch
  /// @param bytes to fetch, parts that are here already taken off
  /// @param cache folder of the cache
  default void begin(RepoName name, int files, long bytes, Path cache) {}

  /// Bytes have come.
  ///
  /// @param done bytes of all files so far
  /// @param all bytes to fetch
  default void progress(long done, long all) {}

  /// All files are there.
  default void end() {}

  /// A request will be tried again.
  ///
  /// @param why in a few words
  default void again(String why, Duration wait) {}

  /// Something is not as it should be, and goes on.
  default void warn(String line) {}
}
