package dev.nudge.hub;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// The folders of the cache, as Python's `huggingface_hub` lays them out.
///
/// ```text
/// models--ORG--NAME/blobs/DIGEST              the bytes: SHA-256, or git's SHA-1 of small files
/// models--ORG--NAME/refs/REVISION             the commit of a branch or a tag
/// models--ORG--NAME/snapshots/COMMIT/PATH     links to ../../blobs/DIGEST
/// models--ORG--NAME/trees/COMMIT.json         the hub's listing
/// .locks/models--ORG--NAME/DIGEST.lock
/// ```
///
/// Without symbolic links the file itself is in the snapshot, and there is no blob. So presence is
/// checked in snapshots.
record HubCache(Path root, boolean links) {
  private static final String TAG =
      "Signature: 8a477f597d28d172789f06886806bc55\n"
          + "# A cache of models of the Hugging Face hub; backups may leave it out.\n";

  Path folder(RepoName name) {
    return root.resolve(name.folder());
  }

  Path snapshot(RepoName name, String commit) {
    return folder(name).resolve("snapshots").resolve(commit);
  }

  /// Returns the path of a file in a snapshot.
  Path file(RepoName name, String commit, HubFile file) {
    return file.in(snapshot(name, commit));
  }

  Path blob(RepoName name, HubFile file) {
    return folder(name).resolve("blobs").resolve(file.digest());
  }

  Path lock(RepoName name, HubFile file) {
    return root.resolve(".locks").resolve(name.folder()).resolve(file.digest() + ".lock");
  }

  private Path ref(RepoName name) {
    return folder(name).resolve("refs").resolve(name.revision());
  }

  private Path tree(RepoName name, String commit) {
    return folder(name).resolve("trees").resolve(commit + ".json");
  }

  /// Returns the last known commit of the name's revision; null: unknown.
  @Nullable String commit(RepoName name) throws IOException {
    if (name.isCommit()) {
      return name.revision();
    }
    try {
      String text = Files.readString(ref(name)).strip();
      return RepoName.isCommit(text) ? text : null;
    } catch (NoSuchFileException e) {
      return null;
    }
  }

  /// Stores the commit of a branch or a tag.
  void note(RepoName name, String commit) throws IOException {
    if (!name.isCommit() && !commit.equals(commit(name))) {
      replace(ref(name), commit);
    }
  }

  /// Reads the listing of a commit; null: not cached.
  @Nullable RepoTree listing(RepoName name, String commit) throws IOException {
    try {
      return RepoTree.read(commit, Files.readString(tree(name, commit)));
    } catch (NoSuchFileException e) {
      return null;
    }
  }

  void keep(RepoName name, RepoTree tree) throws IOException {
    replace(tree(name, tree.commit()), tree.text());
  }

  /// Whether a snapshot has a file, by path and size.
  boolean has(RepoName name, String commit, HubFile file) throws IOException {
    Path place = file(name, commit, file);
    return Files.isRegularFile(place) && Files.size(place) == file.size();
  }

  /// Writes `CACHEDIR.TAG`, so that backups can skip the cache.
  void mark() throws IOException {
    Files.createDirectories(root);
    Path tag = root.resolve("CACHEDIR.TAG");
    if (!Files.exists(tag)) {
      replace(tag, TAG);
    }
  }

  /// Makes a blob visible in a snapshot: by a link, else by moving or copying it.
  ///
  /// @param fresh whether the blob was just downloaded, so it may be moved
  void show(RepoName name, String commit, HubFile file, boolean fresh) throws IOException {
    Path place = file(name, commit, file);
    Path blob = blob(name, file);
    Files.createDirectories(place.getParent());
    if (Files.exists(place, LinkOption.NOFOLLOW_LINKS) && !has(name, commit, file)) {
      Files.delete(place); // a broken link, or a truncated file
    }
    if (links) {
      try {
        String up = "../".repeat(2 + (int) file.path().chars().filter(c -> c == '/').count());
        Files.createSymbolicLink(place, Path.of(up + "blobs/" + file.digest()));
        return;
      } catch (FileAlreadyExistsException e) {
        return; // another run was faster
      } catch (UnsupportedOperationException | IOException e) {
        // this file system has no links
      }
    }
    if (fresh) {
      Files.move(blob, place, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } else {
      Path copy = place.resolveSibling(place.getFileName() + ".incomplete");
      Files.copy(blob, copy, StandardCopyOption.REPLACE_EXISTING);
      Files.move(copy, place, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  private static void replace(Path file, String text) throws IOException {
    Files.createDirectories(file.getParent());
    // not createTempFile, whose files others may not read
    String name = ".%s.%s.tmp".formatted(file.getFileName(), UUID.randomUUID());
    Path temp = file.resolveSibling(name);
    try {
      Files.writeString(temp, text);
      Files.move(temp, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(temp);
    }
  }

  /// Lists all repositories, by name.
  List<RepoName> repositories() throws IOException {
    if (!Files.isDirectory(root)) {
      return List.of();
    }
    List<RepoName> names = new ArrayList<>();
    try (Stream<Path> folders = Files.list(root)) {
      for (Path folder : folders.filter(Files::isDirectory).toList()) {
        RepoName name = RepoName.ofFolder(String.valueOf(folder.getFileName()));
        if (name != null) {
          names.add(name);
        }
      }
    }
    names.sort(Comparator.comparing(RepoName::toString));
    return names;
  }

  /// Lists the commits with cached files, each with the revisions that last pointed to it.
  TreeMap<String, List<String>> commits(RepoName name) throws IOException {
    TreeMap<String, List<String>> found = new TreeMap<>();
    Path snapshots = folder(name).resolve("snapshots");
    if (Files.isDirectory(snapshots)) {
      try (Stream<Path> all = Files.list(snapshots)) {
        all.map(folder -> String.valueOf(folder.getFileName()))
            .filter(RepoName::isCommit)
            .forEach(commit -> found.put(commit, new ArrayList<>()));
      }
    }
    Path refs = folder(name).resolve("refs");
    for (Path ref : files(refs)) {
      String revision = refs.relativize(ref).toString().replace('\\', '/');
      List<String> names = found.get(Files.readString(ref).strip());
      if (names != null) {
        names.add(revision);
      }
    }
    return found;
  }

  /// Lists all files below a folder without following links; none if it is absent.
  static List<Path> files(Path folder) throws IOException {
    if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
      return List.of();
    }
    try (Stream<Path> all = Files.walk(folder)) {
      return all.filter(p -> !Files.isDirectory(p, LinkOption.NOFOLLOW_LINKS)).sorted().toList();
    }
  }

  /// Derives a listing from a snapshot's links and sizes, if the hub's listing is not cached.
  RepoTree seen(RepoName name, String commit) throws IOException {
    Path snapshot = snapshot(name, commit);
    List<HubFile> found = new ArrayList<>();
    for (Path place : files(snapshot)) {
      String digest = digest(place);
      if (Files.isRegularFile(place) && digest != null) {
        boolean large = HubFile.isSha256(digest);
        found.add(
            new HubFile(
                snapshot.relativize(place).toString().replace('\\', '/'),
                Files.size(place),
                large ? "0".repeat(40) : digest,
                large ? digest : null,
                null));
      }
    }
    return new RepoTree(commit, found);
  }

  /// Returns the expected digest of a snapshot's file, which is its blob's name; null: unknown, as
  /// it is not a link.
  private static @Nullable String digest(Path place) throws IOException {
    if (Files.isSymbolicLink(place)) {
      String blob = String.valueOf(Files.readSymbolicLink(place).getFileName());
      return HubFile.isSha256(blob) || HubFile.isSha1(blob) ? blob : null;
    }
    try (InputStream in = Files.newInputStream(place)) {
      return Part.digest(true, Files.size(place), in);
    }
  }

  /// Returns the repository's size on disk: blobs, and files that are not links.
  long bytes(RepoName name) throws IOException {
    long bytes = 0;
    for (Path file : files(folder(name))) {
      if (!Files.isSymbolicLink(file)) {
        bytes += Files.size(file);
      }
    }
    return bytes;
  }
}
