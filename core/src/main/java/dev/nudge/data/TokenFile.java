package dev.nudge.data;

import dev.nudge.data.rows.PromptBoundary;
import dev.nudge.data.rows.SeenShapes;
import dev.nudge.data.rows.UsedColumns;
import dev.nudge.data.tokens.CutRows;
import dev.nudge.data.tokens.TokenTable;
import dev.nudge.data.tokens.TokenTableBuilder;
import dev.nudge.data.tokens.Weights;
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
import java.time.Instant;
import java.util.BitSet;
import java.util.List;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// The file format of a [TokenTable] and the [RowFacts] of its rows, little-endian:
///
/// ```
///   0   8   magic NUDGETOK
///   8   4   version
///   12  4   sequences
///   16  8   tokens
///   24  8   bytes of the facts
///   32  4   CRC-32C of all behind these 64 bytes
///   36  4   runs of weights
///   40  4   CRC-32C of the first 40 bytes
///   64      ids, padded to 8 bytes; trained; offsets; sources, padded; weights; values;
///           facts, a JSON object
/// ```
///
/// It is memory-mapped, so it takes no heap. Both checksums are verified at each opening, which
/// reads the file once.
final class TokenFile {
  static final String SUFFIX = ".tokens";
  static final String PART = ".part";
  private static final long MAGIC =
      ByteBuffer.wrap("NUDGETOK".getBytes(StandardCharsets.US_ASCII))
          .order(ByteOrder.LITTLE_ENDIAN)
          .getLong();
  private static final int VERSION = 8;
  private static final int HEADER = 64;
  private static final int CHECKED = 40; // bytes of the header that its checksum covers
  private static final long SLICE = 1 << 30;

  private TokenFile() {}

  /// What stands in the file behind the table.
  private record Facts(
      List<String> files,
      int badRows,
      CutRows cut,
      UsedColumns columns,
      SeenShapes shapes,
      @Nullable String system,
      PromptBoundary boundary,
      List<String> guesses,
      List<Integer> starts,
      List<Integer> grouped,
      Flaws.@Nullable Counts flaws) {}

  /// Where the parts of a file are.
  private record Layout(int sequences, long tokens, long factsBytes, int weightRuns) {
    long trained() {
      return HEADER + padded(tokens * Integer.BYTES);
    }

    long offsets() {
      return trained() + (tokens + 63) / 64 * Long.BYTES;
    }

    long sources() {
      return offsets() + (sequences + 1L) * Long.BYTES;
    }

    long sourcesBytes() {
      return (long) sequences * TokenTable.SOURCE * Integer.BYTES;
    }

    long weights() {
      return sources() + padded(sourcesBytes());
    }

    long values() {
      return weights() + (long) weightRuns * Weights.RUN;
    }

    long facts() {
      return values() + (long) sequences * Double.BYTES;
    }

    long end() {
      return facts() + factsBytes;
    }
  }

  private static long padded(long bytes) {
    return (bytes + 7) & -8L;
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
      Layout layout = layout(all);
      if (layout == null) {
        return null;
      }
      Facts facts = facts(all.asSlice(layout.facts(), layout.factsBytes()));
      TokenTable table =
          new TokenTable(
              all.asSlice(HEADER, layout.tokens() * Integer.BYTES),
              all.asSlice(layout.trained(), layout.offsets() - layout.trained()),
              all.asSlice(layout.offsets(), layout.sources() - layout.offsets()),
              all.asSlice(layout.sources(), layout.sourcesBytes()),
              new Weights(all.asSlice(layout.weights(), layout.values() - layout.weights())),
              all.asSlice(layout.values(), layout.facts() - layout.values()),
              facts.files().stream().map(Path::of).toList());
      used(file);
      return new TokenCache.Rows(table.examples(), known(facts));
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

  private static @Nullable Layout layout(MemorySegment all) {
    Layout layout =
        new Layout(
            all.get(TokenTable.INT, 12),
            all.get(TokenTable.LONG, 16),
            all.get(TokenTable.LONG, 24),
            all.get(TokenTable.INT, 36));
    CRC32C header = new CRC32C();
    header.update(all.asSlice(0, CHECKED).asByteBuffer());
    boolean known =
        all.get(TokenTable.LONG, 0) == MAGIC
            && all.get(TokenTable.INT, 8) == VERSION
            && all.get(TokenTable.INT, CHECKED) == (int) header.getValue()
            && layout.end() == all.byteSize();
    return known && all.get(TokenTable.INT, 32) == checksum(all) ? layout : null;
  }

  private static int checksum(MemorySegment all) {
    CRC32C crc = new CRC32C();
    for (long at = HEADER; at < all.byteSize(); at += SLICE) {
      crc.update(all.asSlice(at, Math.min(SLICE, all.byteSize() - at)).asByteBuffer());
    }
    return (int) crc.getValue();
  }

  private static Facts facts(MemorySegment bytes) {
    JsonNode tree =
        Json.parse(new String(bytes.toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8));
    return Json.record(tree, Facts.class);
  }

  private static RowFacts known(Facts f) {
    BitSet grouped = new BitSet();
    f.grouped().forEach(grouped::set);
    return new RowFacts(
        f.badRows(),
        f.cut(),
        f.columns(),
        f.shapes(),
        f.system(),
        f.boundary(),
        f.guesses(),
        f.starts(),
        grouped,
        f.flaws());
  }

  /// Begins a file beside its place.
  static Writer write(Path file) throws IOException {
    return new Writer(file);
  }

  /// Writes a file: tokens as they come, then the rest, then the header; a file that is not
  /// finished goes when it is closed.
  static final class Writer implements TokenTableBuilder.Sink, AutoCloseable {
    private final Path file;
    private final Path part;
    private final FileChannel channel;
    private final CRC32C crc = new CRC32C();
    private final ByteBuffer buffer =
        ByteBuffer.allocateDirect(1 << 20).order(ByteOrder.LITTLE_ENDIAN);

    private Writer(Path file) throws IOException {
      this.file = file;
      this.part = Files.createTempFile(file.getParent(), "tokens-", PART);
      this.channel = FileChannel.open(part, StandardOpenOption.WRITE);
      channel.position(HEADER);
    }

    @Override
    public void add(int[] ids) {
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

    private void section(MemorySegment bytes) throws IOException {
      for (long at = 0; at < bytes.byteSize(); at += buffer.capacity()) {
        flush();
        int length = (int) Math.min(buffer.capacity(), bytes.byteSize() - at);
        buffer.put(bytes.asSlice(at, length).toArray(ValueLayout.JAVA_BYTE));
      }
      flush();
    }

    /// Fills up to a word.
    private void pad(long bytes) {
      buffer.put(new byte[(int) (padded(bytes) - bytes)]);
    }

    /// Writes what is known at the end, and puts the file into its place.
    void finish(TokenTableBuilder table, RowFacts facts) throws IOException {
      flush();
      pad(table.tokens() * Integer.BYTES);
      section(table.trained());
      section(table.offsets());
      MemorySegment sources = table.sources();
      section(sources);
      pad(sources.byteSize());
      section(table.weights());
      section(table.values());
      byte[] json = Json.line(stored(table, facts)).getBytes(StandardCharsets.UTF_8);
      section(MemorySegment.ofArray(json));
      ByteBuffer header = ByteBuffer.allocate(HEADER).order(ByteOrder.LITTLE_ENDIAN);
      header.putLong(MAGIC).putInt(VERSION).putInt(table.size());
      header.putLong(table.tokens()).putLong(json.length).putInt((int) crc.getValue());
      header.putInt(table.weightRuns());
      CRC32C own = new CRC32C();
      own.update(header.array(), 0, CHECKED);
      header.putInt((int) own.getValue()).position(HEADER).flip();
      channel.position(0);
      write(header);
      channel.force(true);
      channel.close();
      Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
    }

    private static Facts stored(TokenTableBuilder table, RowFacts f) {
      return new Facts(
          table.files().stream().map(Path::toString).toList(),
          f.bad(),
          f.cut(),
          f.columns(),
          f.shapes(),
          f.system(),
          f.boundary(),
          f.guesses(),
          f.starts(),
          f.grouped().stream().boxed().toList(),
          f.flaws());
    }

    @Override
    public void close() throws IOException {
      channel.close();
      Files.deleteIfExists(part);
    }
  }
}
