package dev.nudge.format;

import dev.nudge.settings.RunException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;

/// The right to change what is kept in a folder, which one thread of one process has at a time; the
/// others wait. A [Claim] refuses a second writer where it would be a mistake, this one lets it
/// come after.
///
/// It is a lock on `.nudge.lock` in the folder and ends with [#close], or with the process however
/// that ends.
///
/// Threading: the thread that took it closes it.
public final class Turn implements AutoCloseable {
  private static final Map<Path, ReentrantLock> HERE = new ConcurrentHashMap<>();

  private final ReentrantLock here;
  private final LockFile lock;

  private Turn(ReentrantLock here, LockFile lock) {
    this.here = here;
    this.lock = lock;
  }

  /// Waits for the right.
  ///
  /// @param folder that is there
  /// @throws RunException where the disk refuses
  public static Turn at(Path folder) {
    try {
      Path file = folder.toRealPath().resolve(Swap.LOCK);
      ReentrantLock here = HERE.computeIfAbsent(file, _ -> new ReentrantLock());
      here.lock();
      try {
        return new Turn(here, LockFile.await(file));
      } catch (IOException | RuntimeException | Error e) {
        here.unlock();
        throw e;
      }
    } catch (IOException e) {
      throw new RunException("cannot write " + folder + ": " + OutFolder.reason(e), e);
    }
  }

  @Override
  public void close() {
    try {
      lock.close();
    } catch (IOException e) {
      // the system frees it
    } finally {
      here.unlock();
    }
  }
}
