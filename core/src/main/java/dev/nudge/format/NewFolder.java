package dev.nudge.format;

import dev.nudge.settings.RunException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Grows a folder out of sight and puts it in its place as a whole.
///
/// Where nothing is in the place it grows beside it as `.NAME.new`, and one rename puts it there.
/// Where a folder is, it grows inside as `.nudge.new` and its files take the place of the old ones
/// ([Swap]); so the place may be a link, a mount of its own or a folder with a user's files, which
/// stay.
///
/// One writer at a time has a place ([Claim]).
///
/// Closing it without [#place] leaves nothing of it, parents that were made for it included. What a
/// killed process left there goes when the next one begins; a place that was cut off between old
/// and new is mended by [OutFolder#mend].
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

  /// Makes the folder for what is to be in `target`, which nobody else writes into until it closes.
  ///
  /// @throws RunException where another writer is there, or the disk refuses
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

  /// Makes the folder for what is to be in a place that is claimed, and stays so.
  ///
  /// @throws RunException where the disk refuses
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

  /// Deletes what a killed process left where `target` grew.
  ///
  /// @throws RunException where the disk refuses
  public static void clear(Path target) {
    try {
      Path there = target.toAbsolutePath();
      Disk.deleteTree(there.resolve(Swap.NEW));
      Disk.deleteTree(beside(there));
    } catch (IOException e) {
      throw OutFolder.failure(target, e);
    }
  }

  /// The path to write into until the folder is placed.
  public Path path() {
    return path;
  }

  /// Puts the folder in its place.
  ///
  /// @param old names in the place that go, beside those that are replaced
  /// @throws RunException where the disk refuses; the place is then as it was
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

  /// The names of all files, relative to the folder, but for locks that could not be removed.
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
