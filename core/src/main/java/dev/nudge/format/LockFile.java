package dev.nudge.format;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A file that one process at a time has a lock on; the last thing it does is to delete it.
///
/// The system frees the lock of a killed process, so a file that is left is in nobody's way. Who
/// waited for a file that is deleted by now, while another made one anew, tries again with that. A
/// file system without locks gives one to everybody.
///
/// Threading: a process opens the same file once at a time, for closing it again would free the
/// lock; the caller sees to that.
final class LockFile implements AutoCloseable {
  private final Path file;
  private final FileChannel channel;

  private LockFile(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
  }

  /// Waits for the lock; an interrupt meanwhile is set again at the end.
  static LockFile await(Path file) throws IOException {
    return Disk.uninterrupted(
        () -> {
          LockFile lock = open(file, true);
          while (lock == null) {
            Thread.onSpinWait();
            lock = open(file, true);
          }
          return lock;
        });
  }

  /// Returns null where another process has the lock.
  static @Nullable LockFile now(Path file) throws IOException {
    return Disk.uninterrupted(() -> Optional.ofNullable(open(file, false))).orElse(null);
  }

  private static @Nullable LockFile open(Path file, boolean wait) throws IOException {
    while (true) {
      Disk.checkNoLink(file);
      List<?> seen = key(file);
      FileChannel channel =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS);
      boolean kept = false;
      try {
        boolean has = locks(channel, wait);
        if (!seen.isEmpty() && seen.equals(key(file))) {
          kept = has;
          return has ? new LockFile(file, channel) : null;
        }
      } finally {
        if (!kept) {
          channel.close();
        }
      }
    }
  }

  private static boolean locks(FileChannel channel, boolean wait) throws IOException {
    try {
      return wait ? channel.lock().isValid() : channel.tryLock() != null; // until it closes
    } catch (OverlappingFileLockException e) {
      return false; // another copy of nudge in this process
    } catch (IOException e) {
      if (Disk.isInterrupt(e)) {
        throw e;
      }
      return true; // no locks here
    }
  }

  /// What tells a file from another of its name; empty where it is absent. A number of a file is
  /// given again, the time of its birth is not.
  private static List<?> key(Path file) throws IOException {
    try {
      BasicFileAttributes about = Files.readAttributes(file, BasicFileAttributes.class);
      return Arrays.asList(about.fileKey(), about.creationTime());
    } catch (NoSuchFileException e) {
      return List.of();
    }
  }

  @Override
  public void close() throws IOException {
    try (channel) {
      Disk.delete(file);
    } catch (IOException e) {
      // in nobody's way
    }
  }
}
