package dev.nudge.tensor;

import dev.nudge.settings.RunException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.UUID;

/// A temporary mapped file: the system can write its pages out and evict them.
///
/// Every byte is written at creation, so a full disk throws an exception then, instead of crashing
/// at a page fault. On Unix the file is unlinked as soon as it is open, elsewhere the system
/// deletes it with its last handle: a killed process leaves nothing behind. A folder in memory
/// (tmpfs) saves no memory.
///
/// Threading: any thread may use the memory; close it when no thread uses it any more.
public final class MappedFile implements AutoCloseable {
  private static final int PIECE = 4 << 20;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment segment;

  private MappedFile(Path path, long bytes) throws IOException {
    try (FileChannel channel =
        FileChannel.open(
            path,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.DELETE_ON_CLOSE,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE)) {
      ByteBuffer zeros = ByteBuffer.allocateDirect((int) Math.min(PIECE, bytes));
      for (long at = 0; at < bytes; ) {
        zeros.clear().limit((int) Math.min(zeros.capacity(), bytes - at));
        at += channel.write(zeros, at);
      }
      segment = FileMemory.map(channel, FileChannel.MapMode.READ_WRITE, bytes, arena);
    }
  }

  /// Creates a file of `bytes` zeros in `folder`.
  ///
  /// @throws RunException if the folder's disk is full
  public static MappedFile create(Path folder, long bytes) {
    try {
      return new MappedFile(folder.resolve("nudge-" + UUID.randomUUID() + ".pages"), bytes);
    } catch (IOException e) {
      throw new RunException(
          String.format(
              Locale.ROOT,
              "cannot reserve %.2f GiB on the disk of %s: %s; free disk space, give --out on"
                  + " another disk, or a larger --memory",
              bytes / 1073741824.0,
              folder,
              e.getMessage()),
          e);
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
    }
  }
}
