package dev.nudge.format;

import dev.nudge.settings.RunException;
import dev.nudge.tensor.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/// Streams one safetensors file, byte for byte as the official library writes it.
///
/// Types and shapes are given first, so the header is written at once and tensors may be written
/// in any order, each to its place. The file is written beside its target as `NAME.tmp`; closing
/// the writer after the last tensor syncs it and renames it over the target. Closing it earlier,
/// after an error, deletes it and leaves the target unchanged.
///
/// Order (the official writer's): by type, the widest first, then by name; metadata sorted; the
/// header padded with spaces to a multiple of 8 bytes, so every tensor is aligned to its elements.
///
/// Threading: one thread.
public final class SafeTensorsWriter implements AutoCloseable {
  private static final int CHUNK = 16 << 20;
  private static final Comparator<Entry> OFFICIAL =
      Comparator.comparing(Entry::type).reversed().thenComparing(Entry::name);

  private record Place(Entry entry, long position) {}

  private final Path file;
  private final Path temporary;
  private final FileChannel channel;
  private final Map<String, Place> missing = new LinkedHashMap<>();
  private final long size;
  private boolean failed;
  private boolean closed;
  private boolean finished;
  private boolean placed;

  private SafeTensorsWriter(Path file, Map<String, String> metadata, List<Entry> entries) {
    this.file = file;
    this.temporary = file.resolveSibling(file.getFileName() + ".tmp");
    byte[] header = header(metadata, entries);
    long position = header.length;
    for (Entry entry : entries) {
      if (missing.put(entry.name(), new Place(entry, position)) != null
          || entry.name().equals(Header.METADATA)) {
        throw new IllegalArgumentException("the name \"" + entry.name() + "\" is taken");
      }
      position += entry.bytes();
    }
    this.size = position;
    try {
      this.channel = Disk.create(temporary);
    } catch (IOException e) {
      throw failure(e);
    }
    put(ByteBuffer.wrap(header), 0);
  }

  /// Creates the file beside `file` and writes its header.
  ///
  /// @param metadata text pairs for `__metadata__`, such as `format` → `pt`
  /// @throws RunException where the folder is missing or not writable, or the disk is full
  public static SafeTensorsWriter create(
      Path file, Map<String, String> metadata, Collection<Entry> entries) {
    return new SafeTensorsWriter(file, metadata, entries.stream().sorted(OFFICIAL).toList());
  }

  /// Writes one tensor; rows of a matrix may have gaps between them.
  public void write(String name, Tensor tensor) {
    Place place = place(name);
    if (tensor.dtype() != place.entry.type().dtype()
        || !Arrays.equals(tensor.shape(), place.entry.dims())) {
      throw new IllegalArgumentException(tensor + " is not what was announced: " + place.entry);
    }
    if (tensor.contiguous()) {
      put(tensor.data(), place.position);
    } else {
      rows(tensor, place.position);
    }
    missing.remove(name);
  }

  /// Writes the bytes of one tensor of any type.
  public void write(String name, MemorySegment bytes) {
    Place place = place(name);
    if (bytes.byteSize() != place.entry.bytes()) {
      throw new IllegalArgumentException(
          bytes.byteSize() + " bytes are not what was announced: " + place.entry);
    }
    put(bytes, place.position);
    missing.remove(name);
  }

  /// Writes one tensor from consecutive pieces; a piece may be reused when the next is requested.
  public void write(String name, Iterator<MemorySegment> pieces) {
    Place place = place(name);
    long at = 0;
    while (pieces.hasNext()) {
      MemorySegment piece = pieces.next();
      if (at + piece.byteSize() > place.entry.bytes()) {
        throw new IllegalArgumentException("more bytes than were announced: " + place.entry);
      }
      put(piece, place.position + at);
      at += piece.byteSize();
    }
    if (at < place.entry.bytes()) {
      throw new IllegalArgumentException(at + " bytes are not what was announced: " + place.entry);
    }
    missing.remove(name);
  }

  private Place place(String name) {
    Place place = missing.get(name);
    if (place == null) {
      throw new IllegalArgumentException("\"" + name + "\" was not announced, or written before");
    }
    return place;
  }

  private void rows(Tensor t, long position) {
    if (t.rank() != 2 || t.stride(1) != 1) {
      throw new IllegalArgumentException(t + " has gaps between the elements of a row");
    }
    long row = t.shape(1) * t.dtype().bytes();
    for (int r = 0; r < t.rows(); r++) {
      put(t.rows(r, r + 1).data(), position + r * row);
    }
  }

  private void put(MemorySegment bytes, long position) {
    for (long at = 0; at < bytes.byteSize(); at += CHUNK) {
      long n = Math.min(CHUNK, bytes.byteSize() - at);
      put(bytes.asSlice(at, n).asByteBuffer(), position + at);
    }
  }

  private void put(ByteBuffer bytes, long position) {
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
  public void abandon() {
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

  /// Tells whether [#finish] has synced the file and it is not renamed yet.
  boolean finished() {
    return finished;
  }

  /// Renames a finished file over its target; does nothing with an unfinished one.
  void place() {
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
      // The error that led here says more; what is left is a .tmp file.
    }
  }

  /// Deletes the file, renamed or not.
  void remove() {
    discard();
    if (placed) {
      try {
        Disk.delete(file);
      } catch (IOException e) {
        // The error that led here says more.
      }
    }
  }

  private static byte[] header(Map<String, String> metadata, List<Entry> entries) {
    var json = new ByteArrayOutputStream();
    json.writeBytes(new byte[8]);
    try (JsonGenerator g = new JsonFactory().createGenerator(ObjectWriteContext.empty(), json)) {
      g.writeStartObject();
      if (!metadata.isEmpty()) {
        g.writeObjectPropertyStart(Header.METADATA);
        new TreeMap<>(metadata).forEach(g::writeStringProperty);
        g.writeEndObject();
      }
      long begin = 0;
      for (Entry entry : entries) {
        g.writeObjectPropertyStart(entry.name());
        g.writeStringProperty("dtype", entry.type().name());
        array(g, "shape", entry.dims());
        array(g, "data_offsets", begin, begin + entry.bytes());
        g.writeEndObject();
        begin += entry.bytes();
      }
      g.writeEndObject();
    }
    while (json.size() % 8 != 0) {
      json.write(' ');
    }
    byte[] header = json.toByteArray();
    ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN).putLong(header.length - 8);
    return header;
  }

  private static void array(JsonGenerator g, String name, long... numbers) {
    g.writeArrayPropertyStart(name);
    for (long number : numbers) {
      g.writeNumber(number);
    }
    g.writeEndArray();
  }
}
