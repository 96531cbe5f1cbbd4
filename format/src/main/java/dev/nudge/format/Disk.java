package dev.nudge.format;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLockInterruptionException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Makes every change of files and folders: create, write, sync, rename, delete.
///
/// All changes are in one class, so that a test can fail or kill the process before any of them
/// ([#watch]), and need not wait for the device ([#flushes]).
///
/// No method follows a symbolic link: a link may be replaced, renamed or deleted, but its target
/// is never written, truncated or deleted.
///
/// Threading: stateless except for two settings that tests make before they begin.
final class Disk {
  /// A listener for changes, called before each one.
  interface Watch {
    /// @param change such as `rename`
    void before(String change, Path path) throws IOException;

    /// Called after a rename.
    default void renamed(Path from, Path to) {}
  }

  private static volatile @Nullable Watch watch;
  private static volatile boolean flushes = true;

  private Disk() {}

  /// Sets the listener; null: none.
  static void watch(@Nullable Watch listener) {
    watch = listener;
  }

  /// Sets whether a sync (fsync) waits for the device. Only a power cut shows the difference; a
  /// test simulates one by [#watch].
  ///
  /// @return the previous setting
  static boolean flushes(boolean wait) {
    boolean before = flushes;
    flushes = wait;
    return before;
  }

  private static void before(String change, Path path) throws IOException {
    Watch listener = watch;
    if (listener != null) {
      listener.before(change, path);
    }
  }

  /// Creates a file for writing; deletes a link of that name first.
  static FileChannel create(Path file) throws IOException {
    if (Files.isSymbolicLink(file)) {
      delete(file);
    }
    before("create", file);
    return FileChannel.open(
        file,
        StandardOpenOption.CREATE,
        StandardOpenOption.TRUNCATE_EXISTING,
        StandardOpenOption.WRITE,
        LinkOption.NOFOLLOW_LINKS);
  }

  /// Throws if the path is a symbolic link.
  static void checkNoLink(Path path) throws IOException {
    if (Files.isSymbolicLink(path)) {
      throw new FileSystemException(
          path.toString(),
          null,
          path.getFileName() + " is a link, and what it leads to is not written; remove it");
    }
  }

  /// Writes all bytes at a position of a file.
  static void write(FileChannel channel, ByteBuffer bytes, long position, Path file)
      throws IOException {
    before("write", file);
    long at = position;
    while (bytes.hasRemaining()) {
      at += channel.write(bytes, at);
    }
  }

  /// Syncs a file to the disk.
  static void force(FileChannel channel, Path file) throws IOException {
    before("flush", file);
    if (flushes) {
      channel.force(true);
    }
  }

  /// Writes a small file and syncs it.
  static void write(Path file, byte[] bytes) throws IOException {
    try (FileChannel channel = create(file)) {
      write(channel, ByteBuffer.wrap(bytes), 0, file);
      force(channel, file);
    }
  }

  /// Appends a line to a file, or leaves the file unchanged. Uses no channel, because an interrupt
  /// would close it.
  static void append(Path file, byte[] line) throws IOException {
    checkNoLink(file);
    before("write", file);
    try (var out = new RandomAccessFile(file.toFile(), "rw")) {
      long end = out.length();
      try {
        out.seek(end);
        out.write(line);
      } catch (IOException e) {
        out.setLength(end);
        throw e;
      }
    }
  }

  /// Truncates a file to its first bytes and syncs it; false if it has fewer.
  static boolean cut(Path file, long bytes) throws IOException {
    checkNoLink(file);
    if (!Files.isRegularFile(file) || Files.size(file) < bytes) {
      return false;
    }
    before("cut", file);
    try (var out = new RandomAccessFile(file.toFile(), "rw")) {
      out.setLength(bytes);
      sync(out);
    }
    return true;
  }

  /// Syncs a file for which no channel is open.
  static void force(Path file) throws IOException {
    checkNoLink(file);
    before("flush", file);
    try (var out = new RandomAccessFile(file.toFile(), "rw")) {
      sync(out);
    }
  }

  private static void sync(RandomAccessFile file) throws IOException {
    if (flushes) {
      file.getFD().sync();
    }
  }

  /// Syncs a folder's entries. Not every system supports it, so a failure is ignored.
  static void forceFolder(@Nullable Path folder) {
    if (folder == null) {
      return;
    }
    try {
      before("flush", folder);
      uninterrupted(
          () -> {
            try (FileChannel names = FileChannel.open(folder, StandardOpenOption.READ)) {
              if (flushes) {
                names.force(true);
              }
            }
            return folder;
          });
    } catch (IOException e) {
      // The files themselves are complete and in place.
    }
  }

  /// Work that opens a file channel.
  interface Work<T> {
    T make() throws IOException;
  }

  /// Does work that opens its own channel, and repeats it after an interrupt, which closes a
  /// channel; the interrupt flag is set again at the end.
  static <T> T uninterrupted(Work<T> work) throws IOException {
    boolean interrupted = Thread.interrupted();
    try {
      while (true) {
        try {
          return work.make();
        } catch (IOException e) {
          if (!isInterrupt(e)) {
            throw e;
          }
          interrupted = true;
          Thread.interrupted();
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /// Returns whether a channel was closed by an interrupt.
  static boolean isInterrupt(IOException e) {
    return e instanceof ClosedByInterruptException || e instanceof FileLockInterruptionException;
  }

  /// Renames atomically, over an existing file.
  static void move(Path from, Path to) throws IOException {
    before("rename", to);
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    Watch listener = watch;
    if (listener != null) {
      listener.renamed(from, to);
    }
  }

  /// Makes a hard link; a copy if the system cannot.
  static void link(Path from, Path to) throws IOException {
    before("link", to);
    try {
      Files.createLink(to, from);
    } catch (UnsupportedOperationException | FileSystemException e) {
      Files.copy(from, to, StandardCopyOption.REPLACE_EXISTING);
      force(to);
    }
  }

  /// Makes a folder and its parents.
  static void makeFolder(@Nullable Path folder) throws IOException {
    if (folder != null && !Files.isDirectory(folder)) {
      before("make", folder);
      Files.createDirectories(folder);
    }
  }

  /// Deletes a file, a link or an empty folder.
  static void delete(Path path) throws IOException {
    before("delete", path);
    Files.deleteIfExists(path);
  }

  /// Deletes a folder with its contents, without following links; does nothing if it is absent.
  static void deleteTree(Path folder) throws IOException {
    if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    for (Path path : all(folder)) {
      delete(path);
    }
  }

  /// Returns a folder and all its contents, contents before their folder.
  static List<Path> all(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      return all.sorted(Comparator.reverseOrder()).toList();
    } catch (UncheckedIOException e) {
      throw requireNonNull(e.getCause());
    }
  }
}
