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

/// Makes every change of a file or folder that is kept: creates, writes, flushes, renames, deletes.
///
/// One place, so that a test can fail or end the process before any one of them ([#watch]), and
/// need not wait for the device ([#flushes]).
///
/// None follows a link: a link may be replaced, renamed or deleted, what it leads to was not named
/// and is not written, emptied or deleted.
///
/// Threading: stateless but for the two settings of tests, set before they begin.
final class Disk {
  /// Is told of each change before it is made.
  interface Watch {
    /// @param change such as `rename`
    void before(String change, Path path) throws IOException;

    /// Is told of a rename that is made.
    default void renamed(Path from, Path to) {}
  }

  private static volatile @Nullable Watch watch;
  private static volatile boolean flushes = true;

  private Disk() {}

  /// Sets who is told of each change; null: nobody.
  static void watch(@Nullable Watch told) {
    watch = told;
  }

  /// Sets whether a flush waits for the device. Only a power cut tells the difference, and a test
  /// that plays one asks the watch.
  ///
  /// @return whether it did before
  static boolean flushes(boolean wait) {
    boolean before = flushes;
    flushes = wait;
    return before;
  }

  private static void before(String change, Path path) throws IOException {
    Watch told = watch;
    if (told != null) {
      told.before(change, path);
    }
  }

  /// Opens a file that is written anew; a link of that name goes first.
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

  /// Refuses to write into what a link leads to.
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

  /// Brings a file to the disk.
  static void force(FileChannel channel, Path file) throws IOException {
    before("flush", file);
    if (flushes) {
      channel.force(true);
    }
  }

  /// Writes a small file and brings it to the disk.
  static void write(Path file, byte[] bytes) throws IOException {
    try (FileChannel channel = create(file)) {
      write(channel, ByteBuffer.wrap(bytes), 0, file);
      force(channel, file);
    }
  }

  /// Puts a line behind a file, or leaves the file as it was. No channel: an interrupt would close
  /// it.
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

  /// Cuts a file to its first bytes and brings it to the disk; false where it has fewer.
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

  /// Brings a file to the disk that no channel is open for.
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

  /// Brings the names in a folder to the disk. Not every system can, so a refusal is none.
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
      // The files themselves are whole and in place.
    }
  }

  /// What is done with a channel.
  interface Work<T> {
    T make() throws IOException;
  }

  /// Does work on a channel of its own that an interrupt must not break: it is done again, and the
  /// interrupt set again at the end.
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

  /// Tells whether a channel was closed by an interrupt.
  static boolean isInterrupt(IOException e) {
    return e instanceof ClosedByInterruptException || e instanceof FileLockInterruptionException;
  }

  /// Renames at once, over a file that is there.
  static void move(Path from, Path to) throws IOException {
    before("rename", to);
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    Watch told = watch;
    if (told != null) {
      told.renamed(from, to);
    }
  }

  /// Gives a file a second name; where the system cannot, makes a copy.
  static void link(Path from, Path to) throws IOException {
    before("link", to);
    try {
      Files.createLink(to, from);
    } catch (UnsupportedOperationException | FileSystemException e) {
      Files.copy(from, to, StandardCopyOption.REPLACE_EXISTING);
      force(to);
    }
  }

  /// Makes a folder and those above it.
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

  /// Deletes a folder with all that is in it, a link as itself; nothing is done where it is absent.
  static void deleteTree(Path folder) throws IOException {
    if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    for (Path path : all(folder)) {
      delete(path);
    }
  }

  /// A folder and all that is in it, what is inside before what it is in.
  static List<Path> all(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      return all.sorted(Comparator.reverseOrder()).toList();
    } catch (UncheckedIOException e) {
      throw requireNonNull(e.getCause());
    }
  }
}
