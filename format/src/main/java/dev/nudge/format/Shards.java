package dev.nudge.format;

import dev.nudge.settings.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;

/// Finds the weight files of a model: one file, or the shards of an index.
///
/// An index is untrusted text that names files to open, so a name is accepted only if it stays in
/// the folder: relative, without `..`, and not a link that leads out. One such link is allowed:
/// Hugging Face's cache keeps its files in `blobs`, of a repository or of all, and links to them
/// from `snapshots/REVISION`.
///
/// @param index the index, or the only file
/// @param files each file with its tensors by the index; empty without an index
record Shards(Path index, Map<Path, TreeSet<String>> files) {
  static final String SINGLE = "model.safetensors";
  static final String INDEX = "model.safetensors.index.json";

  static Shards of(Path fileOrFolder) throws IOException {
    if (!Files.isDirectory(fileOrFolder)) {
      return single(fileOrFolder);
    }
    if (Files.exists(fileOrFolder.resolve(SINGLE))) {
      return single(fileOrFolder.resolve(SINGLE));
    }
    Path index = fileOrFolder.resolve(INDEX);
    if (!Files.exists(index)) {
      boolean pickle = Files.exists(fileOrFolder.resolve("pytorch_model.bin"));
      throw Refusal.of(
          fileOrFolder,
          "holds neither %s nor %s%s%s"
              .formatted(
                  SINGLE,
                  INDEX,
                  pickle ? "; pytorch_model.bin is not read, save the model as safetensors" : "",
                  inside(fileOrFolder)));
    }
    return parse(index);
  }

  /// Names a model in a subfolder, for the message about a folder without weights.
  private static String inside(Path folder) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(f -> Files.exists(f.resolve(SINGLE)) || Files.exists(f.resolve(INDEX)))
          .min(Comparator.naturalOrder())
          .map(f -> "; its folder " + f + " is a model")
          .orElse("");
    }
  }

  private static Shards single(Path file) {
    return new Shards(file, Map.of(file, new TreeSet<>()));
  }

  private static Shards parse(Path index) throws IOException {
    regular(index);
    if (Files.size(index) > Header.MOST_BYTES) {
      throw Refusal.of(
          index,
          "is " + Files.size(index) + " bytes long; at most " + Header.MOST_BYTES + " are allowed");
    }
    Map<String, String> fileOf = new LinkedHashMap<>();
    boolean[] seen = {false};
    try (InputStream in = Files.newInputStream(index)) {
      StrictJson.read(
          index,
          "index",
          in,
          p -> {
            if (!p.name().equals("weight_map")) {
              p.value().skip();
              return;
            }
            seen[0] = true;
            p.value()
                .properties(
                    "weight_map",
                    m -> {
                      String name = m.name();
                      fileOf.put(name, m.value().text("weight_map " + Refusal.quote(name)));
                    });
          });
    }
    if (!seen[0] || fileOf.isEmpty()) {
      throw Refusal.of(
          index, "weight_map is missing or empty; it must name the file of each tensor");
    }
    Map<Path, TreeSet<String>> files = new TreeMap<>();
    fileOf.forEach(
        (name, file) -> files.computeIfAbsent(inside(index, file), f -> new TreeSet<>()).add(name));
    files.keySet().forEach(file -> stays(index, file));
    return new Shards(index, files);
  }

  /// Resolves the name of a shard; throws if it leads out of the folder.
  private static Path inside(Path index, String name) {
    Path given;
    try {
      given = Path.of(name);
    } catch (InvalidPathException e) {
      throw Refusal.of(
          index, "weight_map names the file " + Refusal.quote(name) + ", which is no path", e);
    }
    boolean up = false;
    for (Path part : given) {
      up |= part.toString().equals("..");
    }
    if (name.isEmpty() || name.indexOf('\\') >= 0 || given.getRoot() != null || up) {
      throw Refusal.of(
          index,
          "weight_map names the file "
              + Refusal.quote(name)
              + "; only files in the index's folder are allowed");
    }
    return index.resolveSibling(given.normalize());
  }

  /// Checks that a shard exists and that no link leads out of the folder.
  private static void stays(Path index, Path file) {
    if (!Files.exists(file)) {
      throw Refusal.of(
          index,
          "weight_map names the file "
              + Refusal.quote(name(index, file))
              + ", which is not in its folder");
    }
    try {
      Path folder = index.resolveSibling("").toRealPath();
      Path real = file.toRealPath();
      if (!real.startsWith(folder) && !HubLinks.cached(folder, real)) {
        throw Refusal.of(
            index,
            "weight_map names the file %s, a link to %s; only files in the index's folder are allowed"
                .formatted(Refusal.quote(name(index, file)), Refusal.quote(real.toString())));
      }
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  private static String name(Path index, Path file) {
    Path folder = index.getParent();
    return (folder == null ? file : folder.relativize(file)).toString();
  }

  /// Throws if the file is absent, or is a folder, a pipe or a device.
  static void regular(Path file) {
    if (!Files.exists(file)) {
      throw Refusal.of(file, "no such file or folder");
    }
    if (!Files.isRegularFile(file)) {
      throw Refusal.of(file, "is not a regular file");
    }
  }

  static InputException unreadable(Path file, IOException e) {
    String reason =
        e instanceof AccessDeniedException ? "permission denied" : String.valueOf(e.getMessage());
    return Refusal.of(file, "cannot be read: " + Refusal.oneLine(reason, 200), e);
  }
}
