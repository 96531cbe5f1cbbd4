package dev.nudge.format;

import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// Writes lines into a temporary file, which is renamed when all lines are written.
///
/// Threading: one thread.
public final class LinesFile implements AutoCloseable {
  private final Path file;
  private final Path temporary;
  private final FileChannel channel;
  private final ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
  private long at;
  private boolean stays;
  private boolean placed;

  private LinesFile(Path file, Path temporary, FileChannel channel) {
    this.file = file;
    this.temporary = temporary;
    this.channel = channel;
  }

  /// Creates the temporary file, in an existing folder.
  ///
  /// @throws RunException if it cannot be written, as all methods do
  public static LinesFile create(Path file) {
    Path temporary = beside(file);
    try {
      return new LinesFile(file, temporary, Disk.create(temporary));
    } catch (IOException e) {
      throw OutFolder.failure(file, e);
    }
  }

  /// Checks that files may be written into a folder.
  ///
  /// @throws InputException if a file exists and `overwrite` is false, or a folder has the name
  public static void checkFree(Path out, List<String> names, boolean overwrite) {
    for (String name : names) {
      Path file = out.resolve(name);
      if (Files.isDirectory(file)) {
        throw new InputException(file + " is a folder, which is not replaced; give another --out");
      }
      if (Files.exists(file) && !overwrite) {
        throw new InputException(
            file + " is there already; give another --out, or --overwrite to replace it");
      }
    }
  }

  /// Returns the temporary path of a file.
  public static Path beside(Path file) {
    return file.resolveSibling(file.getFileName() + ".tmp");
  }

  /// Adds a line.
  public void add(String line) {
    ByteBuffer bytes = ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8));
    try {
      while (bytes.hasRemaining()) {
        if (!buffer.hasRemaining()) {
          flush();
        }
        int some = Math.min(bytes.remaining(), buffer.remaining());
        buffer.put(bytes.slice(bytes.position(), some));
        bytes.position(bytes.position() + some);
      }
    } catch (IOException e) {
      throw OutFolder.failure(file, e);
    }
  }

  private void flush() throws IOException {
    int bytes = buffer.flip().remaining();
    Disk.write(channel, buffer, at, temporary);
    at += bytes;
    buffer.clear();
  }

  /// Writes and syncs all lines, still under the temporary name.
  public void complete() {
    try {
      flush();
      Disk.force(channel, temporary);
      channel.close();
      Disk.forceFolder(file.toAbsolutePath().getParent());
    } catch (IOException e) {
      throw OutFolder.failure(file, e);
    }
  }

  /// Deletes an older file of the final name.
  public void removeOld() {
    try {
      Disk.delete(file);
      Disk.forceFolder(file.toAbsolutePath().getParent());
    } catch (IOException e) {
      throw OutFolder.failure(file, e);
    }
  }

  /// Makes [#close] keep the temporary file even if it is not renamed.
  public void stay() {
    stays = true;
  }

  /// Renames the complete file to its final name, over an older file.
  public void place() {
    try {
      Disk.move(temporary, file);
      placed = true;
      Disk.forceFolder(file.toAbsolutePath().getParent());
    } catch (IOException e) {
      throw OutFolder.failure(file, e);
    }
  }

  /// Returns the current path of the lines.
  public Path where() {
    return placed ? file : temporary;
  }

  /// Deletes the temporary file unless it was renamed or [#stay] was called.
  @Override
  public void close() {
    try {
      channel.close();
      if (!stays && Files.exists(temporary)) {
        Disk.delete(temporary);
      }
    } catch (IOException e) {
      throw OutFolder.failure(file, e);
    }
  }
}
