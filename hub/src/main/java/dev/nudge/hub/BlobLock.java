package dev.nudge.hub;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;

/// Keeps a file to one thread of one process that fetches it: two runs that want the same model
/// download it once.
///
/// The lock files lie where Python's client has its own. Java's locks and Python's do not see one
/// another; a file that both fetch comes twice, and each puts a whole one into place. So it is
/// between processes on a file system without locks, which [#held] tells.
final class BlobLock implements AutoCloseable {
  private static final Map<Path, ReentrantLock> HERE = new ConcurrentHashMap<>(); // in this process

  /// Locks an open file against other processes.
  interface Locks {
    void lock(FileChannel file) throws IOException;
  }

  private final ReentrantLock here;
  private final FileChannel channel;
  private final boolean held;

  private BlobLock(ReentrantLock here, FileChannel channel, boolean held) {
    this.here = here;
    this.channel = channel;
    this.held = held;
  }

  /// Waits for the lock.
  static BlobLock of(Path file, Locks locks) throws IOException {
    Files.createDirectories(file.getParent());
    ReentrantLock here = HERE.computeIfAbsent(file, _ -> new ReentrantLock());
    here.lock();
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
      return new BlobLock(here, channel, held);
    } finally {
      if (!done) {
        here.unlock();
      }
    }
  }

  /// Whether other processes are kept away too.
  boolean held() {
    return held;
  }

  @Override
  public void close() throws IOException {
    try {
      channel.close(); // first: Java refuses a second lock of one file
    } finally {
      here.unlock();
    }
  }
}
