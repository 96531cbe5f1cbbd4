package dev.nudge.format;

import dev.nudge.settings.RunException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// A write lock on a folder or file, held by one writer at a time. A second writer is refused
/// ([#of]), or waits if writers share one folder ([#await]).
///
/// The lock is on a file: `.nudge.writer` in the folder, or `.NAME.writer` beside it if the folder
/// does not exist yet; for waiting writers `.nudge.lock` in the folder. It ends with [#close] or
/// with the process. Parents that were made for the lock file are then deleted if empty.
///
/// Threading: any thread may close it.
public final class Claim implements AutoCloseable {
  static final String FILE = ".nudge.writer";
  static final String WAITED_FOR = ".nudge.lock";

  private static final Set<Path> HELD = new HashSet<>(); // by this process

  private final Path place;
  private final Path file;
  private final LockFile lock;
  private final List<Path> parents; // made for the lock file, deepest first
  private boolean closed;

  private Claim(Path place, Path file, LockFile lock, List<Path> parents) {
    this.place = place;
    this.file = file;
    this.lock = lock;
    this.parents = parents;
  }

  /// Locks a place for writing.
  ///
  /// @throws RunException if another writer has the lock, or the lock file cannot be written
  public static Claim of(Path place) {
    List<Path> parents = new ArrayList<>();
    Claim claim = null;
    try {
      Path parent = place.toAbsolutePath().getParent();
      for (Path p = parent; p != null && !Files.exists(p); p = p.getParent()) {
        parents.add(p);
      }
      Disk.makeFolder(parent);
      claim = take(place, parents);
    } catch (IOException e) {
      throw OutFolder.failure(place, e);
    } finally {
      if (claim == null) {
        remove(parents);
      }
    }
    if (claim == null) {
      throw new RunException(
          "another nudge process is writing to " + place + "; wait for it or give another folder");
    }
    return claim;
  }

  /// Locks a folder for writing; makes it if it is absent, and deletes what a killed process left
  /// there.
  ///
  /// @throws RunException if another writer has the lock, or the folder cannot be written
  public static Claim in(Path folder) {
    try (Claim first = of(folder)) {
      NewFolder.clear(first.place);
      OutFolder.make(folder);
    }
    return of(folder);
  }

  /// Waits for the lock on a folder's entries; the interrupt flag is set again after an interrupt.
  ///
  /// @param folder an existing folder
  /// @throws RunException if the lock file cannot be written
  public static Claim await(Path folder) {
    try {
      return turn(folder);
    } catch (IOException e) {
      throw OutFolder.failure(folder, e);
    }
  }

  static Claim turn(Path folder) throws IOException {
    Path file = folder.toRealPath().resolve(WAITED_FOR);
    boolean interrupted = false;
    synchronized (HELD) {
      while (!HELD.add(file)) {
        try {
          HELD.wait();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    try {
      return new Claim(folder, file, LockFile.await(file), List.of());
    } catch (IOException | RuntimeException | Error e) {
      free(file);
      throw e;
    }
  }

  private static void free(Path file) {
    synchronized (HELD) {
      HELD.remove(file);
      HELD.notifyAll();
    }
  }

  /// Returns whether a writer has locked a folder now. Deletes a killed process's lock file.
  public static boolean isHeld(Path folder) {
    try {
      Path file = folder.toRealPath().resolve(FILE);
      synchronized (HELD) {
        if (HELD.contains(file)) {
          return true;
        }
        if (!Files.exists(file)) {
          return false;
        }
        LockFile lock = LockFile.now(file);
        if (lock != null) {
          lock.close();
        }
        return lock == null;
      }
    } catch (IOException e) {
      return false; // the next write reports the error
    }
  }

  private static @Nullable Claim take(Path place, List<Path> parents) throws IOException {
    synchronized (HELD) {
      while (true) {
        boolean there = Files.exists(place);
        Path file = there ? place.toRealPath().resolve(FILE) : beside(place.toAbsolutePath());
        LockFile lock = HELD.contains(file) ? null : LockFile.now(file);
        if (lock == null) {
          return null;
        }
        if (Files.exists(place) == there) {
          HELD.add(file);
          return new Claim(place, file, lock, parents);
        }
        lock.close(); // another writer has replaced the file since
      }
    }
  }

  private static Path beside(Path place) throws IOException {
    Path parent = place.getParent();
    String name = "." + place.getFileName() + ".writer";
    return parent == null ? place.resolve(name) : parent.toRealPath().resolve(name);
  }

  /// Returns the path as the caller gave it.
  Path place() {
    return place;
  }

  @Override
  public void close() {
    synchronized (HELD) {
      if (closed) {
        return;
      }
      closed = true;
      try {
        lock.close();
      } catch (IOException e) {
        // the system frees it
      } finally {
        free(file);
      }
    }
    remove(parents);
  }

  private static void remove(List<Path> parents) {
    for (Path parent : parents) {
      try (Stream<Path> files = Files.list(parent)) {
        if (files.findAny().isPresent()) {
          return;
        }
        Disk.delete(parent);
      } catch (IOException e) {
        return; // absent, or an empty folder that may stay
      }
    }
  }

  /// A lock file, held by one process at a time and deleted when released.
  ///
  /// The system frees the lock of a killed process, so a leftover file blocks nobody. A process
  /// that waited for a file that was deleted and made anew meanwhile tries again with the new file.
  /// On a file system without locks every process gets the lock.
  ///
  /// Threading: the caller ensures that a process opens a file once at a time, because closing a
  /// second channel would free the lock.
  static final class LockFile implements AutoCloseable {
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
                file,
                StandardOpenOption.CREATE,
                StandardOpenOption.WRITE,
                LinkOption.NOFOLLOW_LINKS);
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
        return true; // this file system has no locks
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
        // a leftover file blocks nobody
      }
    }
  }
}
