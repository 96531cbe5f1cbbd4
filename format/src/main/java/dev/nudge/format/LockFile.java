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

/// A lock file, held by one process at a time and deleted when released.
///
/// The system frees the lock of a killed process, so a leftover file blocks nobody. A process that
/// waited for a file which is deleted by now, while another process made a new one, tries again
/// with the new one. On a file system without locks every process gets the lock.
///
/// Threading: a process opens the same file once at a time, because closing a second channel would
/// free the lock; the caller ensures that.
final class LockFile implements AutoCloseable {
  private final Path file;
  private final FileChannel channel;

  private LockFile(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
  }

  /// Waits for the lock; the interrupt flag is set again after an interrupt.
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

  /// Takes the lock if it is free; null if another process has it.
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

  /// Identifies a file beyond its name; empty if it is absent. Inode numbers are reused, creation
  /// times are not.
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
