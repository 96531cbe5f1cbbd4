package dev.nudge.data;

import dev.nudge.data.tokens.TokenTable;
import dev.nudge.data.tokens.TokenTableBuilder;
import dev.nudge.format.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;

/// The file format of a [TokenTable] and the [RowFacts] of its rows, in the machine's order of
/// bytes:
///
/// ```
///   0   8   magic NUDGETOK
///   8   4   version
///   12  4   CRC-32C of all behind the header, then of the bytes of the parts
///   16  56  bytes of each of the seven parts, int64
///   72      parts of the table, and the facts as a JSON object, each padded to 8 bytes
/// ```
///
/// It is memory-mapped, so it takes no heap. The checksum is verified at each opening, which reads
/// the file once. Its modification time is its last use.
public final class TokenFile {
  static final String SUFFIX = ".tokens";
  private static final String PART = ".part";
  private static final long MAGIC =
      ByteBuffer.wrap("NUDGETOK".getBytes(StandardCharsets.US_ASCII))
          .order(ByteOrder.nativeOrder())
          .getLong();
  private static final int VERSION = 9;
  private static final int PARTS = TokenTable.PARTS + 1;
  private static final int SIZES = 16;
  private static final int HEADER = SIZES + PARTS * Long.BYTES;
  private static final long SLICE = 1 << 30;
  private static final Duration UNUSED = Duration.ofDays(30);
  private static final Duration TORN = Duration.ofDays(1); // left by a process that was killed
  private static final long MOST_BYTES = 20L << 30;

  private TokenFile() {}

  /// What stands in the file behind the table.
  private record Facts(List<String> files, RowFacts rows) {}

  private static int padding(long bytes) {
    return (int) (-bytes & 7);
  }

  /// Opens a file; null where there is none, or it is not whole.
  static TokenCache.@Nullable Rows open(Path file) {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      if (channel.size() < HEADER) {
        return null;
      }
      // the map lasts as long as anything that came from it
      MemorySegment all =
          channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), Arena.ofAuto());
      if (all.get(ValueLayout.JAVA_LONG, 0) != MAGIC
          || all.get(ValueLayout.JAVA_INT, 8) != VERSION
          || all.get(ValueLayout.JAVA_INT, 12) != checksum(all)) {
        return null;
      }
      List<MemorySegment> parts = new ArrayList<>();
      long at = HEADER;
      for (int part = 0; part < PARTS; part++) {
        long bytes = all.get(ValueLayout.JAVA_LONG, SIZES + (long) part * Long.BYTES);
        parts.add(all.asSlice(at, bytes));
        at += bytes + padding(bytes);
      }
      byte[] json = parts.getLast().toArray(ValueLayout.JAVA_BYTE);
      Facts facts = Json.record(Json.parse(new String(json, StandardCharsets.UTF_8)), Facts.class);
      TokenTable table = new TokenTable(parts, facts.files().stream().map(Path::of).toList());
      used(file);
      return new TokenCache.Rows(table.examples(), facts.rows());
    } catch (IOException | JacksonException | IllegalArgumentException e) {
      return null; // it is made again
    }
  }

  private static void used(Path file) {
    try {
      Files.setLastModifiedTime(file, FileTime.from(Instant.now()));
    } catch (IOException e) {
      // a cache that may only be read is never swept from here
    }
  }

  private static int checksum(MemorySegment all) {
    CRC32C crc = new CRC32C();
    for (long at = HEADER; at < all.byteSize(); at += SLICE) {
      crc.update(all.asSlice(at, Math.min(SLICE, all.byteSize() - at)).asByteBuffer());
    }
    crc.update(all.asSlice(SIZES, HEADER - SIZES).asByteBuffer());
    return (int) crc.getValue();
  }

  private record CachedFile(Path file, Instant used, long bytes) {}

  /// Evicts files beside one, which stays: those long unused, and the oldest if all are too large.
  static void sweep(Path file) {
    sweep(file, Instant.now(), MOST_BYTES);
  }

  public static void sweep(Path file, Instant now, long mostBytes) {
    List<CachedFile> kept = new ArrayList<>();
    try (Stream<Path> files = Files.list(file.getParent())) {
      for (Path one : files.toList()) {
        Instant used = Files.getLastModifiedTime(one).toInstant();
        boolean torn = one.toString().endsWith(PART);
        if (!torn && !one.toString().endsWith(SUFFIX) || one.equals(file)) {
          continue;
        }
        if (used.isBefore(now.minus(torn ? TORN : UNUSED))) {
          Files.deleteIfExists(one);
        } else if (!torn) {
          kept.add(new CachedFile(one, used, Files.size(one)));
        }
      }
      long bytes = Files.size(file) + kept.stream().mapToLong(CachedFile::bytes).sum();
      kept.sort(Comparator.comparing(CachedFile::used));
      for (CachedFile one : kept) {
        if (bytes <= mostBytes) {
          break;
        }
        Files.deleteIfExists(one.file());
        bytes -= one.bytes();
      }
    } catch (IOException e) {
      // another process sweeps too, or the system keeps a file that is open
    }
  }

  /// Begins a file beside its place.
  static Writer write(Path file) throws IOException {
    return new Writer(file);
  }

  /// Writes a file: tokens as they come, then the rest, then the header; a file that is not
  /// finished goes when it is closed.
  static final class Writer implements Consumer<int[]>, AutoCloseable {
    private final Path file;
    private final Path part;
    private final FileChannel channel;
    private final CRC32C crc = new CRC32C();
    private final ByteBuffer buffer =
        ByteBuffer.allocateDirect(1 << 20).order(ByteOrder.nativeOrder());

    private Writer(Path file) throws IOException {
      this.file = file;
      this.part = Files.createTempFile(file.getParent(), "tokens-", PART);
      this.channel = FileChannel.open(part, StandardOpenOption.WRITE);
      channel.position(HEADER);
    }

    @Override
    public void accept(int[] ids) {
      try {
        for (int id : ids) {
          if (buffer.remaining() < Integer.BYTES) {
            flush();
          }
          buffer.putInt(id);
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private void flush() throws IOException {
      buffer.flip();
      crc.update(buffer.duplicate());
      write(buffer);
      buffer.clear();
    }

    private void write(ByteBuffer bytes) throws IOException {
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
    }

    /// Writes a part behind the padding of the part before it.
    private void part(MemorySegment bytes, ByteBuffer header) throws IOException {
      header.putLong(bytes.byteSize());
      for (long at = 0; at < bytes.byteSize(); at += buffer.capacity()) {
        flush();
        int length = (int) Math.min(buffer.capacity(), bytes.byteSize() - at);
        buffer.put(bytes.asSlice(at, length).toArray(ValueLayout.JAVA_BYTE));
      }
      flush();
      buffer.put(new byte[padding(bytes.byteSize())]);
    }

    /// Writes what is known at the end, and puts the file into its place.
    void finish(TokenTableBuilder table, RowFacts facts) throws IOException {
      List<String> files = table.files().stream().map(Path::toString).toList();
      byte[] json = Json.line(new Facts(files, facts)).getBytes(StandardCharsets.UTF_8);
      ByteBuffer header = ByteBuffer.allocate(HEADER).order(ByteOrder.nativeOrder());
      long ids = table.tokens() * Integer.BYTES;
      header.putLong(MAGIC).putInt(VERSION).putInt(0).putLong(ids);
      flush();
      buffer.put(new byte[padding(ids)]);
      for (MemorySegment part : table.parts().subList(1, TokenTable.PARTS)) {
        part(part, header);
      }
      part(MemorySegment.ofArray(json), header);
      flush();
      crc.update(header.array(), SIZES, HEADER - SIZES);
      header.putInt(12, (int) crc.getValue()).flip();
      channel.position(0);
      write(header);
      channel.force(true);
      channel.close();
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
    }

    @Override
    public void close() throws IOException {
      channel.close();
      Files.deleteIfExists(part);
    }
  }
}
