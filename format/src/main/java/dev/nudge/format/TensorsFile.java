package dev.nudge.format;

import dev.nudge.settings.RunException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/// Writes tensors in any order into a file whose layout is known from the start.
///
/// The file is written beside its target as `NAME.tmp`; closing the writer after the last tensor
/// syncs it and renames it over the target. Closing it earlier, after an error, deletes it and
/// leaves the target unchanged.
///
/// Threading: one thread.
abstract sealed class TensorsFile implements AutoCloseable permits GgufWriter, SafeTensorsWriter {
  private static final int CHUNK = 16 << 20;

  /// A tensor's byte range in the file.
  ///
  /// @param what the tensor is, for messages
  record Place(Object what, long position, long bytes) {}

  private final Path file;
  private final Path temporary;
  private final FileChannel channel;
  private final Map<String, Place> missing;
  private final long size;
  private boolean failed;
  private boolean closed;
  private boolean finished;
  private boolean placed;

  /// Creates the file and writes its header.
  ///
  /// @throws RunException if the folder is missing or not writable, or the disk is full
  TensorsFile(Path file, byte[] header, Map<String, Place> places, long size) {
    this.file = file;
    this.temporary = file.resolveSibling(file.getFileName() + ".tmp");
    this.missing = new LinkedHashMap<>(places);
    this.size = size;
    try {
      this.channel = Disk.create(temporary);
    } catch (IOException e) {
      throw failure(e);
    }
    put(ByteBuffer.wrap(header), 0);
  }

  /// Returns the temporary path, until [#place].
  public final Path temporary() {
    return temporary;
  }

  /// Marks a tensor as written.
  void done(String name) {
    missing.remove(name);
  }

  /// Writes the bytes of one tensor of any type.
  public final void write(String name, MemorySegment bytes) {
    Place place = place(name);
    if (bytes.byteSize() != place.bytes) {
      throw new IllegalArgumentException(
          bytes.byteSize() + " bytes are not what was announced: " + place.what);
    }
    put(bytes, place.position);
    missing.remove(name);
  }

  /// Writes one tensor from consecutive pieces; a piece may be reused when the next is requested.
  public final void write(String name, Iterator<MemorySegment> pieces) {
    Place place = place(name);
    long at = 0;
    while (pieces.hasNext()) {
      MemorySegment piece = pieces.next();
      if (at + piece.byteSize() > place.bytes) {
        throw new IllegalArgumentException("more bytes than were announced: " + place.what);
      }
      put(piece, place.position + at);
      at += piece.byteSize();
    }
    if (at < place.bytes) {
      throw new IllegalArgumentException(at + " bytes are not what was announced: " + place.what);
    }
    missing.remove(name);
  }

  /// Returns the place of a tensor that is not written yet.
  Place place(String name) {
    Place place = missing.get(name);
    if (place == null) {
      throw new IllegalArgumentException("\"" + name + "\" was not announced, or written before");
    }
    return place;
  }

  /// Writes bytes at a position of the file.
  void put(MemorySegment bytes, long position) {
    for (long at = 0; at < bytes.byteSize(); at += CHUNK) {
      long n = Math.min(CHUNK, bytes.byteSize() - at);
      put(bytes.asSlice(at, n).asByteBuffer(), position + at);
    }
  }

  /// Writes bytes at a position of the file.
  void put(ByteBuffer bytes, long position) {
    try {
      Disk.write(channel, bytes, position, temporary);
    } catch (IOException e) {
      throw fail(e);
    }
  }

  /// Finishes the file, or deletes it if a tensor is missing.
  ///
  /// @throws RunException if it cannot be written; the target is then unchanged
  @Override
  public void close() {
    finish();
    place();
  }

  /// Deletes the unfinished file; [#close] does nothing then.
  public final void abandon() {
    closed = true;
    discard();
  }

  /// Syncs the complete file, still under its temporary name.
  ///
  /// @throws RunException if it cannot be written; the target is then unchanged
  void finish() {
    if (closed) {
      return;
    }
    closed = true;
    if (failed) {
      return;
    }
    if (!missing.isEmpty()) {
      failed = true;
      discard();
      throw new IllegalStateException(
          file + " was closed before " + missing.keySet().iterator().next());
    }
    try {
      Disk.force(channel, temporary);
      channel.close();
      finished = true;
    } catch (IOException e) {
      throw fail(e);
    }
  }

  /// Returns whether [#finish] has synced the file and it is not renamed yet.
  final boolean finished() {
    return finished;
  }

  /// Returns whether the file is renamed over its target.
  final boolean placed() {
    return placed;
  }

  /// Renames a finished file over its target; does nothing if it is unfinished.
  public void place() {
    if (!finished) {
      return;
    }
    finished = false;
    try {
      Disk.move(temporary, file);
      placed = true;
    } catch (IOException e) {
      throw fail(e);
    }
    Disk.forceFolder(file.toAbsolutePath().getParent());
  }

  private RunException fail(IOException e) {
    failed = true;
    discard();
    return failure(e);
  }

  private RunException failure(IOException e) {
    String reason =
        switch (e) {
          case AccessDeniedException _ -> "permission denied";
          case NoSuchFileException _ -> "its folder does not exist";
          default -> Refusal.oneLine(OutFolder.reason(e), 200);
        };
    return new RunException("cannot write " + file + " (" + size + " bytes): " + reason, e);
  }

  /// Deletes the file if it is not renamed yet.
  void discard() {
    finished = false;
    try {
      channel.close();
      if (Files.exists(temporary)) {
        Disk.delete(temporary);
      }
    } catch (IOException e) {
      // The earlier error matters more; only a .tmp file is left.
    }
  }

  /// Deletes the file, renamed or not.
  void remove() {
    discard();
    if (placed) {
      try {
        Disk.delete(file);
      } catch (IOException e) {
        // The earlier error matters more.
      }
    }
  }
}
