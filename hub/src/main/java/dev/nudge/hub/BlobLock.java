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
/// another; a file that both fetch comes twice, and each puts a whole one into place.
final class BlobLock implements AutoCloseable {
  private static final Map<Path, ReentrantLock> HERE = new ConcurrentHashMap<>(); // in this process

  private final ReentrantLock here;
  private final FileChannel channel;

  private BlobLock(ReentrantLock here, FileChannel channel) {
    this.here = here;
    this.channel = channel;
  }

  /// Waits for the lock.
  static BlobLock of(Path file) throws IOException {
    Files.createDirectories(file.getParent());
    ReentrantLock here = HERE.computeIfAbsent(file, _ -> new ReentrantLock());
    here.lock();
    boolean held = false;
    try {
      FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      try {
        channel.lock(); // until it closes
      } catch (IOException e) {
        // a file system without locks: two may fetch the same
      }
      held = true;
      return new BlobLock(here, channel);
    } finally {
      if (!held) {
        here.unlock();
      }
    }
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
