package dev.nudge.format;

import dev.nudge.settings.RunException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/// Writes lines beside a file's name; they get it when all are there.
///
/// Threading: one thread.
public final class LinesFile implements AutoCloseable {
  private final Path file;
  private final Path beside;
  private final FileChannel channel;
  private final ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
  private long at;
  private boolean stays;
  private boolean placed;

  private LinesFile(Path file, Path beside, FileChannel channel) {
    this.file = file;
    this.beside = beside;
    this.channel = channel;
  }

  /// Begins a file in a folder that is there.
  ///
  /// @throws RunException where the disk refuses, as all methods do
  public static LinesFile create(Path file) {
    Path beside = beside(file);
    try {
      return new LinesFile(file, beside, Disk.create(beside));
    } catch (IOException e) {
      throw OutFolder.failure(file, e);
    }
  }

  /// Where the lines of a file are until all are there.
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
    Disk.write(channel, buffer, at, beside);
    at += bytes;
    buffer.clear();
  }

  /// Brings all lines to the disk, still beside the name.
  public void complete() {
    try {
      flush();
      Disk.force(channel, beside);
      channel.close();
      Disk.forceFolder(file.toAbsolutePath().getParent());
    } catch (IOException e) {
      throw OutFolder.failure(file, e);
    }
  }

  /// Removes the file of before, which has the name.
  public void removeOld() {
    try {
      Disk.delete(file);
      Disk.forceFolder(file.toAbsolutePath().getParent());
    } catch (IOException e) {
      throw OutFolder.failure(file, e);
    }
  }

  /// Lets [#close] leave what is complete, should it not get its name.
  public void stay() {
    stays = true;
  }

  /// Gives what is complete its name, over a file of before.
  public void place() {
    try {
      Disk.move(beside, file);
      placed = true;
      Disk.forceFolder(file.toAbsolutePath().getParent());
    } catch (IOException e) {
      throw OutFolder.failure(file, e);
    }
  }

  /// Where the lines are.
  public Path where() {
    return placed ? file : beside;
  }

  /// Takes away what did not get its name and is not to stay.
  @Override
  public void close() {
    try {
      channel.close();
      if (!stays && Files.exists(beside)) {
        Disk.delete(beside);
      }
    } catch (IOException e) {
      throw OutFolder.failure(file, e);
    }
  }
}
