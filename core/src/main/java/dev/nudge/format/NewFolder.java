package dev.nudge.format;

import dev.nudge.settings.RunException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/// A folder that grows beside its place, as `.NAME.new`, and is put there when it is whole.
///
/// Where files cannot be renamed from there into a place that exists (it is on a disk of its own,
/// or the folder above may not be written), it grows in the place itself, as `.nudge.new`.
///
/// Closing it without [#place] leaves nothing of it, parents that were made for it included. What a
/// killed process left there goes when the next one begins.
public final class NewFolder implements AutoCloseable {
  private final Path target;
  private Path path;
  private final List<Path> parents = new ArrayList<>(); // made for it, the deepest first
  private boolean placed;

  private NewFolder(Path target) throws IOException {
    this.target = Files.exists(target) ? target.toRealPath() : target.toAbsolutePath();
    this.path = this.target.resolveSibling("." + this.target.getFileName() + ".new");
  }

  /// Makes the folder beside `target`.
  ///
  /// @throws RunException where the disk refuses
  public static NewFolder beside(Path target) {
    NewFolder folder;
    try {
      folder = new NewFolder(target);
    } catch (IOException e) {
      throw failure(target, e);
    }
    try {
      folder.make();
      return folder;
    } catch (IOException e) {
      folder.close();
      throw failure(target, e);
    }
  }

  private void make() throws IOException {
    Path parent = target.getParent();
    for (Path p = parent; p != null && !Files.exists(p); p = p.getParent()) {
      parents.add(p);
    }
    Path inside = target.resolve(OutFolder.UNFINISHED);
    OutFolder.delete(inside);
    if (Files.exists(target) && !reaches()) {
      path = inside;
    }
    OutFolder.delete(path);
    Files.createDirectories(path);
  }

  /// Whether a file beside the place can be renamed into it; tried, because neither permissions
  /// nor the names of disks say it of a mount.
  private boolean reaches() throws IOException {
    try {
      OutFolder.delete(path);
      Files.createDirectories(path);
      Path file = Files.createFile(path.resolve(OutFolder.UNFINISHED));
      Path to = target.resolve(OutFolder.UNFINISHED);
      Files.move(file, to, StandardCopyOption.ATOMIC_MOVE);
      Files.delete(to);
      return true;
    } catch (IOException e) {
      OutFolder.delete(path);
      return false;
    }
  }

  /// The path to write into until the folder is placed.
  public Path path() {
    return path;
  }

  /// Puts the folder in its place: as a whole where nothing is there, else file by file beside what
  /// is not ours.
  ///
  /// @param old names in the place that go before
  /// @param last name of the file without which the others are no folder; it comes last
  public void place(List<String> old, String last) {
    try {
      if (!path.startsWith(target) && OutFolder.isFree(target)) {
        Files.deleteIfExists(target);
        Files.move(path, target, StandardCopyOption.ATOMIC_MOVE);
      } else {
        Files.deleteIfExists(target.resolve(last));
        for (String name : old) {
          Files.deleteIfExists(target.resolve(name));
        }
        for (Path file : files()) {
          Path to = target.resolve(path.relativize(file).toString());
          Files.createDirectories(to.getParent());
          if (!file.equals(path.resolve(last))) {
            move(file, to);
          }
        }
        move(path.resolve(last), target.resolve(last));
        OutFolder.delete(path);
      }
      placed = true;
    } catch (IOException e) {
      throw failure(e);
    }
  }

  private static void move(Path from, Path to) throws IOException {
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  /// The names of all files, relative to the folder.
  public List<String> names() {
    try {
      return files().stream().map(f -> path.relativize(f).toString()).sorted().toList();
    } catch (IOException e) {
      throw failure(e);
    }
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> all = Files.walk(path)) {
      return all.filter(Files::isRegularFile).toList();
    }
  }

  private RunException failure(IOException e) {
    return failure(target, e);
  }

  private static RunException failure(Path target, IOException e) {
    return new RunException("cannot write " + target + ": " + OutFolder.reason(e), e);
  }

  @Override
  public void close() {
    if (placed) {
      return;
    }
    try {
      OutFolder.delete(path);
      for (Path parent : parents) {
        if (Files.exists(parent) && OutFolder.isFree(parent)) {
          Files.delete(parent);
        }
      }
    } catch (IOException e) {
      throw failure(e);
    }
  }
}
