package dev.nudge.server;

import dev.nudge.format.OutFolder;
import dev.nudge.format.Sha256;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/// Adapters in plain folders: which ones a request may name, and what they hold.
///
/// A request names folders below a root by a relative path. Nothing on the way may be a link, so no
/// request leads out of the root, whatever is done to the path.
///
/// The digest of a folder is that of its files' digests. It is made anew when a file changes, so a
/// folder that is written into becomes another adapter and never answers with old keys.
///
/// Threading: any number of threads.
final class Folders {
  private static final List<String> FILES =
      List.of(
          "adapter_config.json",
          "adapter_model.safetensors",
          "tokenizer.json",
          "tokenizer_config.json",
          "chat_template.jinja");

  private final @Nullable Path root;
  private final Map<Path, Known> digests = new ConcurrentHashMap<>();

  private record Known(String stamp, String digest) {}

  /// @param root null: requests may name no folder
  Folders(@Nullable Path root) {
    if (root != null && !Files.isDirectory(root)) {
      throw new InputException("--adapter-root " + root + " is not a folder");
    }
    this.root = root;
  }

  /// Returns the folder that a request names.
  ///
  /// @throws ApiException where it is none below the root
  Path named(String given) {
    if (root == null) {
      throw ApiException.forbidden(
          "lora_path",
          "no_adapter_root",
          "adapters are loaded by reference here; a server with --adapter-root takes folders too");
    }
    Path folder = inside(root, given);
    if (folder == null || !Files.isRegularFile(folder.resolve(FILES.getFirst()))) {
      throw ApiException.wrong(
          "lora_path",
          "'%s' is no adapter's folder below the server's root of adapters"
              .formatted(ApiException.shown(given)));
    }
    return folder;
  }

  /// @return null where the path leads elsewhere or through a link
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
      for (String file : FILES) {
        if (Files.isSymbolicLink(folder.resolve(file))) {
          return null;
        }
      }
      return folder;
    } catch (InvalidPathException e) {
      return null;
    }
  }

  /// The digest of what a folder holds now.
  ///
  /// @throws InputException where it is no adapter's, or cannot be read
  String digest(Path folder) {
    try {
      String stamp = stamp(folder);
      Known known = digests.get(folder);
      if (known == null || !known.stamp.equals(stamp)) {
        known = new Known(stamp, read(folder));
        digests.put(folder, known);
      }
      return known.digest;
    } catch (IOException e) {
      throw new InputException(folder + " cannot be read: " + OutFolder.reason(e), e);
    }
  }

  private static List<Path> files(Path folder) {
    List<Path> files = new ArrayList<>();
    for (String name : FILES) {
      Path file = folder.resolve(name);
      if (Files.isRegularFile(file)) {
        files.add(file);
      }
    }
    if (files.isEmpty() || !files.getFirst().endsWith(FILES.getFirst())) {
      throw new InputException(
          folder + " has no " + FILES.getFirst() + "; give an adapter's folder");
    }
    return files;
  }

  private static String stamp(Path folder) throws IOException {
    StringBuilder stamp = new StringBuilder();
    for (Path file : files(folder)) {
      stamp
          .append(Files.getLastModifiedTime(file))
          .append(' ')
          .append(Files.size(file))
          .append(' ');
    }
    return stamp.toString();
  }

  private static String read(Path folder) throws IOException {
    StringBuilder all = new StringBuilder();
    for (Path file : files(folder)) {
      all.append(file.getFileName()).append(' ').append(Sha256.ofFile(file)).append('\n');
    }
    return Sha256.of(all.toString().getBytes(StandardCharsets.UTF_8));
  }
}
