package dev.nudge.hub;

import java.nio.file.Path;
import java.time.Duration;

/// Receives the progress of downloads. All methods are called on the caller's thread; all are
/// optional.
public interface HubListener {
  /// Ignores all events.
  HubListener NONE = new HubListener() {};

  /// Files of a repository will be fetched.
  ///
  /// @param name the repository
  /// @param files number of files to fetch
  /// @param bytes bytes to fetch, without partial downloads in the cache
  /// @param cache folder of the cache
  default void begin(RepoName name, int files, long bytes, Path cache) {}

  /// Bytes were downloaded.
  ///
  /// @param done bytes of all files so far
  /// @param all bytes to fetch
  default void progress(long done, long all) {}

  /// All files are complete.
  default void end() {}

  /// A request will be tried again.
  ///
  /// @param why the reason, in a few words
  default void again(String why, Duration wait) {}

  /// A problem that does not end the call.
  default void warn(String line) {}
}
