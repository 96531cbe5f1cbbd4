package dev.nudge.hub;

import dev.nudge.format.Json;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Lists, verifies and removes the commits in the cache.
final class Cached {
  private static final Pattern LICENCE = Pattern.compile("(?m)^license:\\s*[\"']?([\\w.+-]+)");
  private static final String PART = ".incomplete";
  private static final int HEAD = 64 << 10; // bytes of a model card that are searched

  private final HubCache cache;

  Cached(HubCache cache) {
    this.cache = cache;
  }

  List<CachedModel> list() throws IOException {
    List<CachedModel> all = new ArrayList<>();
    for (RepoName name : cache.repositories()) {
      for (Map.Entry<String, List<String>> commit : cache.commits(name).entrySet()) {
        all.add(model(name, commit.getKey(), commit.getValue()));
      }
    }
    return all;
  }

  private CachedModel model(RepoName name, String commit, List<String> revisions)
      throws IOException {
    Path folder = cache.snapshot(name, commit);
    long bytes = 0;
    for (Path file : HubCache.files(folder)) {
      bytes += Files.exists(file) ? Files.size(file) : 0;
    }
    return new CachedModel(
        name,
        commit,
        revisions,
        folder,
        bytes,
        modelType(folder),
        licence(folder),
        whole(name, commit));
  }

  static @Nullable String modelType(Path folder) {
    return Json.readOrMissing(folder.resolve("config.json")).path("model_type").asString(null);
  }

  static @Nullable String licence(Path folder) throws IOException {
    Path card = folder.resolve("README.md");
    if (!Files.isRegularFile(card)) {
      return null;
    }
    try (InputStream in = Files.newInputStream(card)) {
      String text = new String(in.readNBytes(HEAD), StandardCharsets.UTF_8);
      String[] parts = text.split("(?m)^---\\s*$", 3);
      Matcher found = LICENCE.matcher(parts.length == 3 ? parts[1] : "");
      return found.find() ? found.group(1) : null;
    }
  }

  private @Nullable Boolean whole(RepoName name, String commit) throws IOException {
    RepoTree listed = cache.listing(name, commit);
    if (listed == null || name.kind() != RepoName.Kind.MODEL) {
      return null;
    }
    for (FileChoice choice : List.of(FileChoice.MODEL, FileChoice.ADAPTER)) {
      try {
        for (HubFile file : choice.of(name, listed.files())) {
          if (!cache.has(name, commit, file)) {
            return false;
          }
        }
        return true;
      } catch (InputException e) {
        // the files of this kind are missing
      }
    }
    return null;
  }

  /// Reads every file of a commit and compares its digest.
  ///
  /// @return a line for each file that differs from the hub's listing
  List<String> verify(RepoName name, String commit, HubListener listener) throws IOException {
    Path folder = cache.snapshot(name, commit);
    RepoTree listed = cache.listing(name, commit);
    List<Path> places = HubCache.files(folder);
    long all = 0;
    for (Path place : places) {
      all += Files.exists(place) ? Files.size(place) : 0;
    }
    List<String> wrong = new ArrayList<>();
    long done = 0;
    for (Path place : places) {
      String path = folder.relativize(place).toString().replace('\\', '/');
      HubFile file = listed == null ? null : listed.file(path);
      String digest = file == null ? linked(place) : file.digest();
      if (!Files.isRegularFile(place)) {
        wrong.add(path + " is a link to nothing");
        continue;
      }
      long size = Files.size(place);
      if (digest == null) {
        wrong.add(path + " has no digest to be held to");
      } else if (file != null && file.size() != size) {
        wrong.add("%s has %d bytes instead of %d".formatted(path, size, file.size()));
      } else {
        try (InputStream in = Files.newInputStream(place)) {
          if (!Part.digest(HubFile.isSha256(digest), size, in).equals(digest)) {
            wrong.add(path + " has other bytes than the hub's");
          }
        }
      }
      done += size;
      listener.progress(done, all);
    }
    if (Boolean.FALSE.equals(whole(name, commit))) {
      wrong.add("files are missing; models pull " + name + " fetches them");
    }
    return wrong;
  }

  private static @Nullable String linked(Path place) throws IOException {
    if (!Files.isSymbolicLink(place)) {
      return null;
    }
    String blob = String.valueOf(Files.readSymbolicLink(place).getFileName());
    return HubFile.isSha1(blob) || HubFile.isSha256(blob) ? blob : null;
  }

  /// Removes one commit, and the blobs that no other commit needs; with the last commit, the whole
  /// repository.
  ///
  /// @return bytes that were freed
  long remove(RepoName name, String commit) throws IOException {
    long before = cache.bytes(name);
    Map<String, List<String>> commits = cache.commits(name);
    boolean last = commits.keySet().equals(Set.of(commit));
    if (last && parts(name).isEmpty()) {
      delete(cache.folder(name));
      return before;
    }
    for (String revision : commits.getOrDefault(commit, List.of())) {
      Files.deleteIfExists(cache.folder(name).resolve("refs").resolve(revision));
    }
    delete(cache.snapshot(name, commit));
    delete(cache.folder(name).resolve(".no_exist").resolve(commit));
    Files.deleteIfExists(cache.folder(name).resolve("trees").resolve(commit + ".json"));
    Set<String> used = new HashSet<>();
    for (Path link : HubCache.files(cache.folder(name).resolve("snapshots"))) {
      if (Files.isSymbolicLink(link)) { // also if a mirror names blobs in its own way
        used.add(String.valueOf(Files.readSymbolicLink(link).getFileName()));
      }
    }
    for (Path blob : HubCache.files(cache.folder(name).resolve("blobs"))) {
      String own = String.valueOf(blob.getFileName());
      if (!used.contains(own) && !own.endsWith(PART)) {
        Files.delete(blob);
      }
    }
    return before - cache.bytes(name);
  }

  /// Lists partial downloads, by this program or another.
  private List<Path> parts(RepoName name) throws IOException {
    return HubCache.files(cache.folder(name).resolve("blobs")).stream()
        .filter(blob -> String.valueOf(blob.getFileName()).endsWith(PART))
        .toList();
  }

  /// Deletes a folder and its contents without following links.
  static void delete(Path folder) throws IOException {
    if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(path);
      }
    }
  }
}
