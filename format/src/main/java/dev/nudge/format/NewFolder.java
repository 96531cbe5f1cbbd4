package dev.nudge.format;

import dev.nudge.settings.RunException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Writes a new folder under a temporary name and renames it into place as a whole.
///
/// If the target is free, the folder is written beside it as `.NAME.new` and renamed. If the target
/// is a folder, the files are written to its `.nudge.new` and then replace the old ones ([Swap]);
/// so the target may be a link, a mount or a folder with a user's files, which stay.
///
/// Only one writer at a time writes a target ([Claim]).
///
/// [#close] without [#place] deletes the new folder, and parents that were made for it. The next
/// writer deletes the leftovers of a killed process; [OutFolder#mend] repairs a target whose
/// replacement was interrupted.
public final class NewFolder implements AutoCloseable {
  private final Path given;
  private final Path target;
  private final Path path;
  private final @Nullable Claim own; // closed with this
  private boolean placed;

  private NewFolder(Path given, @Nullable Claim own) throws IOException {
    boolean present = Files.exists(given);
    this.given = given;
    this.target = present ? given.toRealPath() : given.toAbsolutePath();
    this.path = present ? target.resolve(Swap.NEW) : beside(target);
    this.own = own;
  }

  private static Path beside(Path target) {
    return target.resolveSibling("." + target.getFileName() + ".new");
  }

  /// Makes a new folder for `target`, and locks `target` until it closes.
  ///
  /// @throws RunException if another writer has the lock, or the folder cannot be written
  public static NewFolder at(Path target) {
    if (Files.exists(target) && !Files.isDirectory(target)) {
      throw new RunException(
          "cannot write " + target + ": a file is in the way of the folder; give another folder");
    }
    Claim own = Claim.of(target);
    try {
      return make(target, own);
    } catch (RuntimeException | Error e) {
      own.close();
      throw e;
    }
  }

  /// Makes a new folder for a target that the caller keeps locked.
  ///
  /// @throws RunException if the folder cannot be written
  public static NewFolder in(Claim claim) {
    return make(claim.place(), null);
  }

  private static NewFolder make(Path target, @Nullable Claim own) {
    OutFolder.mend(target);
    try {
      NewFolder folder = new NewFolder(target, own);
      try {
        Disk.deleteTree(folder.path);
        Disk.makeFolder(folder.path);
        return folder;
      } catch (IOException e) {
        Disk.deleteTree(folder.path);
        throw e;
      }
    } catch (IOException e) {
      throw OutFolder.failure(target, e);
    }
  }

  /// Deletes a killed process's leftovers of a new folder for `target`.
  ///
  /// @throws RunException if it cannot be deleted
  public static void clear(Path target) {
    try {
      Path absolute = target.toAbsolutePath();
      Disk.deleteTree(absolute.resolve(Swap.NEW));
      Disk.deleteTree(beside(absolute));
    } catch (IOException e) {
      throw OutFolder.failure(target, e);
    }
  }

  /// Returns the path to write into until [#place].
  public Path path() {
    return path;
  }

  /// Moves the folder into its place.
  ///
  /// @param old names of files in the target to delete, in addition to the replaced ones
  /// @throws RunException if that fails; the place is then unchanged
  public void place(List<String> old) {
    try {
      if (path.startsWith(target)) {
        new Swap(target).put(old);
      } else {
        Disk.move(path, target);
        Disk.forceFolder(target.getParent());
      }
      placed = true;
    } catch (IOException e) {
      throw OutFolder.failure(given, e);
    }
  }

  /// Returns the names of all files, relative to the folder, without leftover lock files.
  public List<String> names() {
    try {
      return Disk.all(path).stream()
          .filter(file -> Files.isRegularFile(file) && !OutFolder.isOurs(file))
          .map(file -> path.relativize(file).toString())
          .sorted()
          .toList();
    } catch (IOException e) {
      throw OutFolder.failure(given, e);
    }
  }

  @Override
  public void close() {
    try {
      if (!placed) {
        Disk.deleteTree(path);
      }
    } catch (IOException e) {
      throw OutFolder.failure(given, e);
    } finally {
      if (own != null) {
        own.close();
      }
    }
  }

  /// Replaces the files of a folder atomically, by renames. The new files are complete in
  /// `.nudge.new`; (1) the old files move to `.nudge.old`, (2) `.nudge.new` becomes `.nudge.put`,
  /// which commits, (3) the new files move to their places, (4) both folders are deleted.
  ///
  /// `config.json` and `adapter_config.json` leave first and arrive last, so a program that reads
  /// the folder meanwhile sees no model rather than a part of one. A failure restores the old
  /// files. After a kill the next reader repairs the folder ([#mend]): if `.nudge.put` exists, by
  /// steps 3 and 4; if only `.nudge.old` exists, by restoring it. A single file is just renamed.
  ///
  /// A linked subfolder is not followed: its target's files are neither moved nor replaced.
  ///
  /// Threading: one swap or repair of a place at a time, others wait ([Claim#await]). Only one
  /// writer at a time writes a new folder ([Claim#of]).
  static final class Swap {
    static final String NEW = ".nudge.new";
    private static final String OLD = ".nudge.old";
    private static final String PUT = ".nudge.put";

    private static final Set<String> KEYS = Set.of("config.json", "adapter_config.json");
    private static final Comparator<Path> KEY_LAST =
        Comparator.<Path, Boolean>comparing(name -> KEYS.contains(name.toString()))
            .thenComparing(Comparator.naturalOrder());

    private final Path place;

    Swap(Path place) {
      this.place = place;
    }

    /// Commits the files of `.nudge.new`.
    ///
    /// @param old names of files to delete, in addition to the replaced ones
    void put(List<String> old) throws IOException {
      List<Path> names = files(NEW);
      Set<Path> going = new LinkedHashSet<>(names);
      old.stream().map(Path::of).forEach(going::add);
      going.removeIf(name -> !isInside(name) || !isFile(place.resolve(name)));
      for (Path name : names) {
        checkNoLink(name, going);
      }
      List<Path> changed = new ArrayList<>();
      for (Path name : names) {
        if (!same(in(NEW, name), place.resolve(name))) {
          changed.add(name);
        }
      }
      try (Claim _ = Claim.turn(place)) {
        if (names.containsAll(going) && changed.size() < 2) {
          for (Path name : changed) {
            move(in(NEW, name), place.resolve(name));
          }
          forceFolders(changed);
        } else {
          swap(names, going);
        }
        tidy(() -> Disk.deleteTree(place.resolve(NEW)));
      }
    }

    private void swap(List<Path> names, Set<Path> going) throws IOException {
      try {
        if (!going.isEmpty()) {
          Disk.makeFolder(place.resolve(OLD));
          for (Path name : sorted(going, KEY_LAST.reversed())) {
            move(place.resolve(name), in(OLD, name));
          }
          Disk.forceFolder(place.resolve(OLD));
        }
        Disk.move(place.resolve(NEW), place.resolve(PUT));
        Disk.forceFolder(place);
        forward();
      } catch (IOException | RuntimeException | Error e) {
        try {
          undo(names);
        } catch (IOException | RuntimeException | Error left) {
          e.addSuppressed(left); // mend completes the rollback
        }
        throw e;
      }
      tidy(this::clean);
    }

    /// Completes or rolls back a swap that was interrupted.
    void mend() throws IOException {
      if (!isCutOff()) {
        return;
      }
      try (Claim _ = Claim.turn(place)) {
        if (Files.exists(place.resolve(PUT))) {
          forward();
          clean();
        } else if (isCutOff()) {
          back();
        }
      }
    }

    boolean isCutOff() {
      return Files.exists(place.resolve(PUT)) || Files.exists(place.resolve(OLD));
    }

    private void forward() throws IOException {
      List<Path> names = sorted(files(PUT), KEY_LAST);
      for (Path name : names) {
        move(in(PUT, name), place.resolve(name));
      }
      forceFolders(names);
    }

    /// Deletes the old files, and folders that become empty. `.nudge.put` goes last: without it
    /// [#mend] would restore the old files.
    private void clean() throws IOException {
      Path old = place.resolve(OLD);
      if (Files.exists(old)) {
        for (Path path : Disk.all(old)) {
          Path folder = place.resolve(old.relativize(path));
          if (Files.isDirectory(path) && !path.equals(old) && isEmpty(folder)) {
            Disk.delete(folder);
          }
        }
        Disk.deleteTree(old);
      }
      Disk.forceFolder(place);
      Disk.deleteTree(place.resolve(PUT));
    }

    private void undo(List<Path> names) throws IOException {
      Path put = place.resolve(PUT);
      if (Files.exists(put)) {
        for (Path name : sorted(names, KEY_LAST.reversed())) {
          if (!isFile(in(PUT, name))) {
            move(place.resolve(name), in(PUT, name));
          }
        }
        Disk.move(put, place.resolve(NEW));
      }
      back();
    }

    private void back() throws IOException {
      Path old = place.resolve(OLD);
      if (!Files.exists(old)) {
        return;
      }
      List<Path> names = sorted(files(OLD), KEY_LAST);
      for (Path name : names) {
        move(in(OLD, name), place.resolve(name));
      }
      forceFolders(names);
      Disk.deleteTree(old);
    }

    private interface Change {
      void make() throws IOException;
    }

    /// Cleans up after a committed swap; a failure is left to the next [#mend].
    private static void tidy(Change change) {
      try {
        change.make();
      } catch (IOException e) {
        // the next mend repeats it
      }
    }

    private Path in(String folder, Path name) {
      return place.resolve(folder).resolve(name);
    }

    private boolean isInside(Path name) {
      return !name.toString().isEmpty()
          && place.resolve(name).normalize().startsWith(place)
          && link(name) == null;
    }

    /// Returns the first linked parent of a name below the place, searched upwards; null: none.
    private @Nullable Path link(Path name) {
      for (Path p = name.getParent(); p != null; p = p.getParent()) {
        if (Files.isSymbolicLink(place.resolve(p))) {
          return place.resolve(p);
        }
      }
      return null;
    }

    private void checkNoLink(Path name, Set<Path> going) throws IOException {
      Path link = link(name);
      if (link != null && !going.contains(place.relativize(link))) {
        Disk.checkNoLink(link);
      }
    }

    private static boolean isFile(Path path) {
      return Files.exists(path, LinkOption.NOFOLLOW_LINKS)
          && !Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS);
    }

    private static boolean isEmpty(Path folder) throws IOException {
      return Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS) && Disk.all(folder).size() == 1;
    }

    private static boolean same(Path a, Path b) throws IOException {
      return Files.isRegularFile(b, LinkOption.NOFOLLOW_LINKS)
          && Files.size(a) == Files.size(b)
          && Files.mismatch(a, b) == -1;
    }

    private void move(Path from, Path to) throws IOException {
      checkNoLink(place.relativize(to), Set.of());
      if (Files.isSymbolicLink(from) && isEmpty(to)) {
        Disk.delete(to); // made for the files that replaced the link
      }
      Disk.makeFolder(to.getParent());
      Disk.move(from, to);
    }

    /// Returns the names of all files in a folder of the swap.
    private List<Path> files(String folder) throws IOException {
      Path root = place.resolve(folder);
      Disk.checkNoLink(root);
      return Disk.all(root).stream().filter(Swap::isFile).map(root::relativize).toList();
    }

    private static List<Path> sorted(Iterable<Path> names, Comparator<Path> order) {
      List<Path> sorted = new ArrayList<>();
      names.forEach(sorted::add);
      sorted.sort(order);
      return sorted;
    }

    private void forceFolders(List<Path> names) {
      Set<Path> folders = new LinkedHashSet<>();
      names.forEach(name -> folders.add(place.resolve(name).getParent()));
      folders.forEach(Disk::forceFolder);
    }
  }
}
