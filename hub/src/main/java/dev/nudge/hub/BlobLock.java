package dev.nudge.hub;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;

/// Locks a blob for one downloading thread of one process, so two runs that need the same model
/// download it once.
///
/// The lock files are where Python's client keeps its own. Java's and Python's locks do not exclude
/// each other: if both download a file, it is fetched twice, and each renames a complete copy into
/// place. The same happens on a file system without locks ([#held] is false).
final class BlobLock implements AutoCloseable {
  private static final Map<Path, ReentrantLock> HERE = new ConcurrentHashMap<>(); // in this process

  /// Locks an open file against other processes.
  interface Locks {
    void lock(FileChannel file) throws IOException;
  }

  private final ReentrantLock threadLock;
  private final FileChannel channel;
  private final boolean held;

  private BlobLock(ReentrantLock threadLock, FileChannel channel, boolean held) {
    this.threadLock = threadLock;
    this.channel = channel;
    this.held = held;
  }

  /// Waits for the lock.
  static BlobLock of(Path file, Locks locks) throws IOException {
    Files.createDirectories(file.getParent());
    ReentrantLock threadLock = HERE.computeIfAbsent(file, _ -> new ReentrantLock());
    threadLock.lock();
    boolean done = false;
    try {
      FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      boolean held = true;
      try {
        locks.lock(channel); // until it closes
      } catch (IOException e) {
        held = false; // a file system without locks
      }
      done = true;
      return new BlobLock(threadLock, channel, held);
    } finally {
      if (!done) {
        threadLock.unlock();
      }
    }
  }

  /// Whether the lock also excludes other processes.
  boolean held() {
    return held;
  }

  @Override
  public void close() throws IOException {
    try {
      channel.close(); // first, as Java refuses a second lock on one file
    } finally {
      threadLock.unlock();
    }
  }
}
