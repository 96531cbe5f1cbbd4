package dev.nudge.server;

import dev.nudge.adapter.FolderDigests;
import dev.nudge.server.http.ApiException;
import dev.nudge.settings.InputException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// Adapter folders that requests may name, below a root folder.
///
/// Requests give a relative path. No component may be a symbolic link, so no request escapes the
/// root.
///
/// Threading: any number of threads.
final class Folders {
  private final @Nullable Path root;
  private final FolderDigests digests = new FolderDigests();

  /// @param root null: requests may name no folder
  Folders(@Nullable Path root) {
    if (root != null && !Files.isDirectory(root)) {
      throw new InputException("--adapter-root " + root + " is not a folder");
    }
    this.root = root;
  }

  /// Resolves the folder that a request names.
  ///
  /// @param field of the request, for messages
  /// @throws ApiException if there is no such folder below the root
  Path named(String field, String given) {
    if (root == null) {
      throw ApiException.forbidden(
          field,
          "no_adapter_root",
          "adapters are loaded by reference here; a server with --adapter-root takes folders too");
    }
    Path folder = inside(root, given);
    if (folder == null || !Files.isRegularFile(folder.resolve(FolderDigests.FILES.getFirst()))) {
      throw ApiException.wrong(
          field,
          "'%s' is no adapter's folder below the server's root of adapters"
              .formatted(ApiException.shown(given)));
    }
    return folder;
  }

  /// @return null if the path leaves the root or passes a link
  private static @Nullable Path inside(Path root, String given) {
    try {
      Path absolute = root.toAbsolutePath().normalize();
      Path folder = absolute.resolve(given).normalize();
      if (!folder.startsWith(absolute) || folder.equals(absolute)) {
        return null;
      }
      Path at = absolute;
      for (Path name : absolute.relativize(folder)) {
        at = at.resolve(name);
        if (Files.isSymbolicLink(at)) {
          return null;
        }
      }
      for (String file : FolderDigests.FILES) {
        if (Files.isSymbolicLink(folder.resolve(file))) {
          return null;
        }
      }
      return folder;
    } catch (InvalidPathException e) {
      return null;
    }
  }

  /// The digest of a folder's current content.
  ///
  /// @throws InputException if the folder is no adapter, or cannot be read
  String digest(Path folder) {
    return digests.digest(folder);
  }
}
