package dev.nudge.chat;

import dev.nudge.adapter.FolderDigests;
import dev.nudge.generate.AdapterCache;
import dev.nudge.registry.Reference;
import dev.nudge.registry.Registry;
import dev.nudge.registry.Version;
import dev.nudge.settings.InputException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/// Finds adapters by a name given in code, by folder or by registry reference.
///
/// Each question resolves the name anew, so a moved alias takes effect with the next question.
///
/// Threading: any number of threads.
final class AdapterPlaces {
  private final Map<String, String> names = new ConcurrentHashMap<>();
  private final FolderDigests digests = new FolderDigests();
  private final Registry registry;

  /// An adapter as it is now.
  record Found(String digest, Path folder, boolean kept) {}

  AdapterPlaces(Registry registry) {
    this.registry = registry;
  }

  /// Gives a name to a place, or to what another name stands for.
  ///
  /// @throws InputException where there is no such adapter now
  void name(String name, String place) {
    find(place);
    names.put(name, names.getOrDefault(place, place));
  }

  /// Names that were given, each with its place, in the order of the alphabet.
  SortedMap<String, String> names() {
    return new TreeMap<>(names);
  }

  /// @throws InputException where there is no such adapter
  Found find(String asked) {
    String place = names.getOrDefault(asked, asked);
    Path folder = folder(place);
    if (folder != null) {
      return new Found(digests.digest(folder), folder, false);
    }
    if (!Reference.isReference(place)) {
      throw new InputException(
          "there is no adapter '%s'; name one that was given, a folder, or NAME@ALIAS of the registry"
              .formatted(FieldException.shown(asked)));
    }
    Version version = registry.resolve(Reference.parse(place));
    return new Found(version.digest(), version.folder(), true);
  }

  private static @Nullable Path folder(String place) {
    try {
      Path folder = Path.of(place);
      return Files.isDirectory(folder) ? folder : null;
    } catch (InvalidPathException e) {
      return null;
    }
  }

  /// Holds an adapter in memory, and loads it first where it is not there.
  ///
  /// @throws BusyException where its folder was written into just now
  AdapterCache.Lease lease(AdapterCache cache, Found found) {
    return cache.lease(
        found.digest,
        found.folder,
        found.folder.toString(),
        () -> found.kept || digests.digest(found.folder).equals(found.digest),
        "the folder " + found.folder);
  }
}
