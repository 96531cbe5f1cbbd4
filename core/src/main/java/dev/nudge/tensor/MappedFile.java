package dev.nudge.tensor;

import dev.nudge.settings.RunException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/// A temporary file seen as memory: its pages are the system's to write out and to evict.
///
/// Every byte is written when the file is made, so a full disk is an error then and not a crash
/// when a page is touched. The file has no name left where the system allows that, else it is
/// deleted on closing. In a folder that itself lies in memory (tmpfs) nothing is gained.
///
/// Threading: as that of its memory; close it when nobody uses it.
public final class MappedFile implements AutoCloseable {
  private static final int PIECE = 4 << 20;

  private final Path path;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment segment;

  private MappedFile(Path path, long bytes) throws IOException {
    this.path = path;
    try (FileChannel channel =
        FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ByteBuffer zeros = ByteBuffer.allocateDirect((int) Math.min(PIECE, bytes));
      for (long at = 0; at < bytes; ) {
        zeros.clear().limit((int) Math.min(zeros.capacity(), bytes - at));
        at += channel.write(zeros, at);
      }
      segment = channel.map(FileChannel.MapMode.READ_WRITE, 0, bytes, arena);
    }
  }

  /// Makes a file of `bytes` zeros in `folder`.
  ///
  /// @throws RunException where the folder has not the room
  public static MappedFile create(Path folder, long bytes) {
    Path path = null;
    try {
      path = Files.createTempFile(folder, "nudge", ".offload");
      MappedFile file = new MappedFile(path, bytes);
      file.forget();
      return file;
    } catch (IOException e) {
      try {
        if (path != null) {
          Files.deleteIfExists(path);
        }
      } catch (IOException more) {
        e.addSuppressed(more);
      }
      throw new RunException(
          "cannot reserve %,d MiB in %s for offloaded activations: %s; free disk space or give another folder"
              .formatted(bytes >> 20, folder, e.getMessage()),
          e);
    }
  }

  private void forget() {
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      path.toFile().deleteOnExit(); // a system that keeps the names of open files
    }
  }

  public long bytes() {
    return segment.byteSize();
  }

  public MemorySegment segment() {
    return segment;
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
      forget();
    }
  }
}
