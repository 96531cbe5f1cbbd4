package dev.nudge.format;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Reads and writes tar archives of plain files, in POSIX's `ustar` format: blocks of 512 bytes, a
/// header before each file, two empty blocks at the end.
///
/// Written archives have no times or owners, so the same files give the same bytes. Of archives of
/// other programs, base-256 sizes and names in PAX headers are supported; links and devices are
/// ignored, and files are read by name in place, so no name is used as a path.
///
/// Threading: one thread at a time.
public final class TarFile implements AutoCloseable {
  private static final int BLOCK = 512;
  private static final int NAME = 100;
  private static final int SIZE = 124;
  private static final int SUM = 148;
  private static final int TYPE = 156;
  private static final int PREFIX = 345;
  private static final long OCTAL = 1L << 33; // the first size beyond eleven octal digits
  private static final int MOST_FILES = 100_000;
  private static final int MOST_PAX = 1 << 20;

  /// Offset and size of a file's data.
  private record Place(long at, long size) {}

  private final Path file;
  private final FileChannel channel;
  private final Map<String, Place> places = new LinkedHashMap<>();

  private TarFile(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
  }

  /// Opens an archive and lists its files.
  ///
  /// @throws InputException if it is not a tar archive, or truncated
  public static TarFile open(Path file) {
    try {
      TarFile tar = new TarFile(file, FileChannel.open(file, StandardOpenOption.READ));
      try {
        tar.find();
        return tar;
      } catch (IOException | RuntimeException | Error e) {
        tar.channel.close();
        throw e;
      }
    } catch (IOException e) {
      throw Refusal.of(file, "cannot be read: " + OutFolder.reason(e), e);
    }
  }

  private void find() throws IOException {
    long at = 0;
    String longName = null;
    while (at + BLOCK <= channel.size()) {
      byte[] head = read(at, BLOCK);
      if (head[0] == 0) {
        return; // the end
      }
      checkSum(head);
      long size = size(head);
      long data = at + BLOCK;
      if (size < 0 || size > channel.size() - data) {
        throw Refusal.of(file, "is cut short: it ends within a file");
      }
      switch (head[TYPE]) {
        case '0', 0 -> {
          if (places.size() >= MOST_FILES) {
            throw Refusal.of(file, "holds more than %,d files".formatted(MOST_FILES));
          }
          places.put(longName == null ? name(head) : longName, new Place(data, size));
          longName = null;
        }
        case 'x' -> longName = paxName(read(data, (int) Math.min(size, MOST_PAX)));
        default -> longName = null;
      }
      at = data + (size + BLOCK - 1) / BLOCK * BLOCK;
    }
    throw Refusal.of(file, places.isEmpty() ? "is no tar archive" : "is cut short: it has no end");
  }

  private byte[] read(long at, int bytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(bytes);
    while (buffer.hasRemaining() && channel.read(buffer, at + buffer.position()) >= 0) {}
    return buffer.array();
  }

  private void checkSum(byte[] head) {
    long sum = 0;
    for (int i = 0; i < BLOCK; i++) {
      sum += i >= SUM && i < SUM + 8 ? ' ' : head[i] & 0xff;
    }
    if (sum != octal(head, SUM, 8)) {
      throw Refusal.of(file, "is no tar archive, or damaged: the sum of a header is another");
    }
  }

  private static long size(byte[] head) {
    if ((head[SIZE] & 0x80) == 0) {
      return octal(head, SIZE, 12);
    }
    long size = 0;
    for (int i = SIZE + 4; i < SIZE + 12; i++) {
      size = size << 8 | head[i] & 0xff;
    }
    return size;
  }

  private static long octal(byte[] head, int at, int length) {
    String digits = text(head, at, length).strip();
    try {
      return digits.isEmpty() ? 0 : Long.parseLong(digits, 8);
    } catch (NumberFormatException e) {
      return -1;
    }
  }

  private static String text(byte[] head, int at, int length) {
    int end = at;
    while (end < at + length && head[end] != 0) {
      end++;
    }
    return new String(head, at, end - at, StandardCharsets.UTF_8);
  }

  private static String name(byte[] head) {
    String prefix = text(head, PREFIX, 155);
    String name = text(head, 0, NAME);
    return plain(prefix.isEmpty() ? name : prefix + "/" + name);
  }

  private static String plain(String name) {
    return name.startsWith("./") ? name.substring(2) : name;
  }

  /// Returns the name in a PAX header, lines of `LENGTH path=NAME`; null: none.
  private static @Nullable String paxName(byte[] lines) {
    for (String line : new String(lines, StandardCharsets.UTF_8).split("\n")) {
      int sign = line.indexOf(" path=");
      if (sign > 0) {
        return plain(line.substring(sign + " path=".length()));
      }
    }
    return null;
  }

  /// Returns whether the archive has a file.
  public boolean has(String name) {
    return places.containsKey(name);
  }

  /// Opens a file for reading.
  ///
  /// @throws InputException if it is absent
  public InputStream read(String name) throws IOException {
    Place place = places.get(name);
    if (place == null) {
      throw Refusal.of(file, "holds no " + Refusal.quote(name));
    }
    FileChannel own = FileChannel.open(file, StandardOpenOption.READ).position(place.at);
    return new BoundedStream(Channels.newInputStream(own), place.size);
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      // it was only open for reading
    }
  }

  /// Writes an archive under a temporary name, and renames it when it is complete.
  public static final class Writer implements AutoCloseable {
    private final Path file;
    private final Path temporary;
    private final FileChannel channel;
    private long at;
    private boolean placed;

    private Writer(Path file, Path temporary, FileChannel channel) {
      this.file = file;
      this.temporary = temporary;
      this.channel = channel;
    }

    /// Creates an archive.
    ///
    /// @throws RunException if it cannot be written
    public static Writer create(Path file) {
      Path temporary = file.resolveSibling(file.getFileName() + ".tmp");
      try {
        Disk.makeFolder(file.toAbsolutePath().getParent());
        return new Writer(file, temporary, Disk.create(temporary));
      } catch (IOException e) {
        throw OutFolder.failure(file, e);
      }
    }

    /// Adds a file of these bytes.
    ///
    /// @param name name of at most 100 bytes
    public void add(String name, byte[] bytes) {
      try {
        head(name, bytes.length);
        write(ByteBuffer.wrap(bytes));
        pad();
      } catch (IOException e) {
        throw OutFolder.failure(file, e);
      }
    }

    /// Adds a copy of a file.
    public void add(String name, Path from) {
      try (FileChannel in = FileChannel.open(from, StandardOpenOption.READ)) {
        long size = in.size();
        head(name, size);
        long begin = at;
        ByteBuffer buffer = ByteBuffer.allocate(1 << 20);
        while (in.read(buffer) >= 0) {
          write(buffer.flip());
          buffer.clear();
        }
        if (at - begin != size) {
          throw new IOException(from + " was changed while it was read");
        }
        pad();
      } catch (IOException e) {
        throw OutFolder.failure(file, e);
      }
    }

    private void head(String name, long size) throws IOException {
      byte[] head = new byte[BLOCK];
      byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
      if (bytes.length > NAME) {
        throw new IOException("the name " + name + " is longer than 100 bytes");
      }
      System.arraycopy(bytes, 0, head, 0, bytes.length);
      put(head, NAME, "0000644\0000000000\0000000000\0"); // mode, owner, group
      if (size < OCTAL) {
        put(head, SIZE, "%011o\0".formatted(size));
      } else {
        head[SIZE] = (byte) 0x80;
        ByteBuffer.wrap(head).putLong(SIZE + 4, size);
      }
      put(head, SIZE + 12, "00000000000\0"); // the time
      Arrays.fill(head, SUM, SUM + 8, (byte) ' ');
      head[TYPE] = '0';
      put(head, TYPE + 101, "ustar\00000");
      int sum = 0;
      for (byte b : head) {
        sum += b & 0xff;
      }
      put(head, SUM, "%06o\0 ".formatted(sum));
      write(ByteBuffer.wrap(head));
    }

    private static void put(byte[] head, int at, String text) {
      byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
      System.arraycopy(bytes, 0, head, at, bytes.length);
    }

    private void write(ByteBuffer bytes) throws IOException {
      int n = bytes.remaining();
      Disk.write(channel, bytes, at, temporary);
      at += n;
    }

    private void pad() throws IOException {
      write(ByteBuffer.allocate((int) (-at & (BLOCK - 1))));
    }

    /// Completes the archive and renames it into place.
    public void place() {
      try {
        write(ByteBuffer.allocate(2 * BLOCK));
        Disk.force(channel, temporary);
        channel.close();
        Disk.move(temporary, file);
        placed = true;
        Disk.forceFolder(file.toAbsolutePath().getParent());
      } catch (IOException e) {
        throw OutFolder.failure(file, e);
      }
    }

    @Override
    public void close() {
      try {
        channel.close();
        if (!placed && Files.exists(temporary)) {
          Disk.delete(temporary);
        }
      } catch (IOException e) {
        throw OutFolder.failure(file, e);
      }
    }
  }
}
