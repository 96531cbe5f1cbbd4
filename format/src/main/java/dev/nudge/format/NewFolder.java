package dev.nudge.format;

import dev.nudge.settings.RunException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Writes a new folder under a temporary name and renames it into place as a whole.
///
/// If nothing is in the place, the folder is written beside it as `.NAME.new` and renamed at once.
/// If a folder is there, the files are written inside it as `.nudge.new` and then replace the old
/// ones ([Swap]); so the place may be a link, a mount or a folder with a user's files, which stay.
///
/// One writer at a time has a place ([Claim]).
///
/// [#close] without [#place] deletes the new folder, and parents that were made for it. The next
/// writer deletes what a killed process left; [OutFolder#mend] repairs a place where a replacement
/// was interrupted.
public final class NewFolder implements AutoCloseable {
  private final Path given;
  private final Path target;
  private final Path path;
  private final @Nullable Claim own; // ends with the folder
  private boolean placed;

  private NewFolder(Path given, @Nullable Claim own) throws IOException {
    boolean there = Files.exists(given);
    this.given = given;
    this.target = there ? given.toRealPath() : given.toAbsolutePath();
    this.path = there ? target.resolve(Swap.NEW) : beside(target);
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

  /// Makes a new folder for a place that the caller has locked and keeps locked.
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

  /// Deletes what a killed process left of a new folder for `target`.
  ///
  /// @throws RunException if it cannot be deleted
  public static void clear(Path target) {
    try {
      Path there = target.toAbsolutePath();
      Disk.deleteTree(there.resolve(Swap.NEW));
      Disk.deleteTree(beside(there));
    } catch (IOException e) {
      throw OutFolder.failure(target, e);
    }
  }

  /// The path to write into until [#place].
  public Path path() {
    return path;
  }

  /// Moves the folder into its place.
  ///
  /// @param old names of files in the place that are deleted, beside those that are replaced
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

  /// The names of all files, relative to the folder, without leftover lock files.
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
}
