package dev.nudge.format;

import java.nio.file.Path;

/// Recognises links within the Hugging Face hub's cache.
public final class HubLinks {
  private HubLinks() {}

  /// Whether a link's target is a blob of the hub's cache, whose snapshot folders hold links to
  /// blobs.
  ///
  /// @param folder folder of the link
  public static boolean cached(Path folder, Path real) {
    Path snapshots = folder.getParent();
    Path repository = snapshots == null ? null : snapshots.getParent();
    if (snapshots == null || repository == null || !snapshots.endsWith("snapshots")) {
      return false;
    }
    boolean named = String.valueOf(repository.getFileName()).startsWith("models--");
    return real.startsWith(repository.resolve("blobs"))
        || named && real.startsWith(repository.resolveSibling("blobs")); // shared blobs
  }
}
