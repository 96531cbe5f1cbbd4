package dev.nudge.adapter;

import dev.nudge.format.OutFolder;
import dev.nudge.format.Sha256;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/// Computes and caches digests of adapter folders.
///
/// A folder's digest is the digest of its files' digests. It is computed again when a file changes,
/// so a changed folder counts as another adapter and never reuses an old KV cache.
///
/// Threading: any number of threads.
public final class FolderDigests {
  /// The files that a digest covers; the first one must exist.
  public static final List<String> FILES =
      List.of(
          "adapter_config.json",
          "adapter_model.safetensors",
          "tokenizer.json",
          "tokenizer_config.json",
          "chat_template.jinja");

  private final Map<Path, Known> digests = new ConcurrentHashMap<>();

  private record Known(String stamp, String digest) {}

  /// The digest of a folder's current files.
  ///
  /// @throws InputException if the folder is no adapter, or cannot be read
  public String digest(Path folder) {
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
