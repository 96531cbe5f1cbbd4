package dev.nudge.format;

import java.nio.file.Path;

/// The links of the cache of the hub's files.
public final class HubLinks {
  private HubLinks() {}

  /// Whether a file that a link leads to is one of the cache of the hub's files, where the folders
  /// of commits hold links to what repositories share.
  ///
  /// @param folder of the link
  public static boolean cached(Path folder, Path real) {
    Path snapshots = folder.getParent();
    Path repository = snapshots == null ? null : snapshots.getParent();
    if (snapshots == null || repository == null || !snapshots.endsWith("snapshots")) {
      return false;
    }
    boolean named = String.valueOf(repository.getFileName()).startsWith("models--");
    return real.startsWith(repository.resolve("blobs"))
        || named && real.startsWith(repository.resolveSibling("blobs")); // what repositories share
  }
}
