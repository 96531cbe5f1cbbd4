package dev.nudge.eval.task;

import dev.nudge.format.OutFolder;
import dev.nudge.format.Sha256;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;

/// Built-in task packs: legal, finance, medical and support, whose documents the user supplies, and
/// retention (forgetting), with its own documents.
///
/// They are unpacked into a cache folder with their digest in its name, so documents may be placed
/// beside the task files.
public final class Packs {
  private static final String INDEX = "index.txt";

  private static final String RETENTION = "retention";

  private Packs() {}

  /// Whether a domain pack's group is evaluated without the retention pack.
  public static boolean lacksRetention(TaskTree tree) {
    Set<String> domains = domains();
    return tree.groups().keySet().stream().anyMatch(domains::contains)
        && tree.tasks().keySet().stream().noneMatch(name -> name.startsWith(RETENTION + "_"));
  }

  /// Returns the packs whose documents the user supplies: all but retention.
  static Set<String> domains() {
    Set<String> domains = new TreeSet<>();
    names().forEach(name -> domains.add(name.substring(0, name.indexOf('/'))));
    domains.remove(RETENTION);
    return domains;
  }

  /// Unpacks the packs, unless the cache has them, and returns their folder.
  ///
  /// @param cache cache folder of this machine
  /// @throws RunException on an I/O error
  public static Path folder(Path cache) {
    List<String> names = names();
    Sha256 sha = new Sha256();
    for (String name : names) {
      sha.update(java.lang.foreign.MemorySegment.ofArray(bytes(name)));
    }
    Path folder = cache.resolve("packs-" + sha.hex().substring(0, 16));
    if (!Files.isDirectory(folder)) {
      Path growing = cache.resolve(".packs-" + UUID.randomUUID());
      for (String name : names) {
        Path file = growing.resolve(name);
        OutFolder.make(file.getParent());
        OutFolder.place(file, bytes(name));
      }
      place(growing, folder);
    }
    return folder;
  }

  private static void place(Path growing, Path folder) {
    try {
      try {
        OutFolder.move(growing, folder);
      } catch (RunException e) {
        if (!Files.isDirectory(folder)) { // no other process has placed it
          throw e;
        }
        OutFolder.delete(growing);
      }
    } catch (IOException e) {
      throw OutFolder.failure(folder, e);
    }
  }

  /// Returns the packs' files.
  static List<String> names() {
    return new String(bytes(INDEX), StandardCharsets.UTF_8).lines().toList();
  }

  private static byte[] bytes(String name) {
    try (InputStream in =
        Objects.requireNonNull(Packs.class.getResourceAsStream("packs/" + name), name)) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
