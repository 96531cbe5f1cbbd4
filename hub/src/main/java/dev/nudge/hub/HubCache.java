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
/// Where links cannot be made the file itself lies in the snapshot, and there is no blob. So what
/// is there is asked of snapshots.
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

  /// The path of a file in a snapshot.
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

  /// The commit of the name's revision as it was last seen; null: it never was.
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

  /// Notes the commit of a branch or a tag.
  void note(RepoName name, String commit) throws IOException {
    if (!name.isCommit() && !commit.equals(commit(name))) {
      replace(ref(name), commit);
    }
  }

  /// The listing of a commit; null: it is not here.
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

  /// Whether a file is here, by its snapshot's path and its size.
  boolean has(RepoName name, String commit, HubFile file) throws IOException {
    Path place = file(name, commit, file);
    return Files.isRegularFile(place) && Files.size(place) == file.size();
  }

  /// Marks the cache's folder as one, for backups.
  void mark() throws IOException {
    Files.createDirectories(root);
    Path tag = root.resolve("CACHEDIR.TAG");
    if (!Files.exists(tag)) {
      replace(tag, TAG);
    }
  }

  /// Makes a blob visible in a snapshot: by a link, else as a file of its own.
  ///
  /// @param fresh whether the blob was made just now, so that it may be moved
  void show(RepoName name, String commit, HubFile file, boolean fresh) throws IOException {
    Path place = file(name, commit, file);
    Path blob = blob(name, file);
    Files.createDirectories(place.getParent());
    if (Files.exists(place, LinkOption.NOFOLLOW_LINKS) && !has(name, commit, file)) {
      Files.delete(place); // a link to nothing, or a file that was cut
    }
    if (links) {
      try {
        String up = "../".repeat(2 + (int) file.path().chars().filter(c -> c == '/').count());
        Files.createSymbolicLink(place, Path.of(up + "blobs/" + file.digest()));
        return;
      } catch (FileAlreadyExistsException e) {
        return; // another run was faster
      } catch (UnsupportedOperationException | IOException e) {
        // no links here
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
    Path beside = file.resolveSibling(name);
    try {
      Files.writeString(beside, text);
      Files.move(beside, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(beside);
    }
  }

  /// All repositories, by name.
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

  /// The commits of which something is here, each with the revisions that were last seen at it.
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

  /// All files below a folder, links not followed; none if there is no such folder.
  static List<Path> files(Path folder) throws IOException {
    if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
      return List.of();
    }
    try (Stream<Path> all = Files.walk(folder)) {
      return all.filter(p -> !Files.isDirectory(p, LinkOption.NOFOLLOW_LINKS)).sorted().toList();
    }
  }

  /// The files of a snapshot, as its links and sizes say: without a listing that is what is known.
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

  /// The digest that a file of a snapshot should have, by its blob's name; null: it is no link, and
  /// nothing says. Then its own is told.
  private static @Nullable String digest(Path place) throws IOException {
    if (Files.isSymbolicLink(place)) {
      String blob = String.valueOf(Files.readSymbolicLink(place).getFileName());
      return HubFile.isSha256(blob) || HubFile.isSha1(blob) ? blob : null;
    }
    try (InputStream in = Files.newInputStream(place)) {
      return Part.digest(true, Files.size(place), in);
    }
  }

  /// Bytes of the repository on the disk: blobs, and files that are no links.
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
