package dev.nudge.format;

import dev.nudge.tensor.Tensor;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/// Streams one safetensors file, byte for byte as the official library writes it.
///
/// Types and shapes are given first, so the header is written at once and tensors may follow in any
/// order. The file is written beside its target as `NAME.tmp`; closing the writer after the last
/// tensor syncs it and renames it over the target. Closing it earlier, after an error, deletes it
/// and leaves the target unchanged.
///
/// Order (the official writer's): by type, the widest first, then by name; metadata sorted; the
/// header padded with spaces to a multiple of 8 bytes, so every tensor is aligned to its elements.
///
/// Threading: one thread.
public final class SafeTensorsWriter extends TensorsFile {
  private static final Comparator<Entry> OFFICIAL =
      Comparator.comparing(Entry::type).reversed().thenComparing(Entry::name);

  private SafeTensorsWriter(
      Path file, Map<String, String> metadata, List<Entry> entries, Map<String, Stack> stacks) {
    byte[] header = header(metadata, entries);
    Map<String, Place> places = new LinkedHashMap<>();
    long position = header.length;
    for (Entry entry : entries) {
      Stack stack = stacks.get(entry.name());
      List<String> parts = stack == null ? List.of(entry.name()) : stack.parts();
      for (String part : parts) {
        long bytes = entry.bytes() / parts.size();
        Object what = stack == null ? entry : part + " in " + entry;
        Place place = new Place(what, position, bytes);
        if (places.put(part, place) != null || part.equals(Header.METADATA)) {
          throw new IllegalArgumentException("the name \"" + part + "\" is taken");
        }
        position += bytes;
      }
    }
    super(file, header, places, position);
  }

  /// Creates the file beside `file` and writes its header.
  ///
  /// @param metadata text pairs for `__metadata__`, such as `format` → `pt`
  /// @throws RunException where the folder is missing or not writable, or the disk is full
  public static SafeTensorsWriter create(
      Path file, Map<String, String> metadata, Collection<Entry> entries) {
    return create(file, metadata, entries, List.of());
  }

  /// Creates a file; tensors of `stacks` are written part by part.
  ///
  /// @param stacks stacks of some of the entries
  static SafeTensorsWriter create(
      Path file,
      Map<String, String> metadata,
      Collection<Entry> entries,
      Collection<Stack> stacks) {
    Map<String, Stack> byName = new HashMap<>();
    stacks.forEach(stack -> byName.put(stack.entry().name(), stack));
    List<Entry> sorted = entries.stream().sorted(OFFICIAL).toList();
    return new SafeTensorsWriter(file, metadata, sorted, byName);
  }

  /// Writes one tensor; rows of a matrix may have gaps between them.
  public void write(String name, Tensor tensor) {
    Place place = place(name);
    if (!(place.what() instanceof Entry entry)
        || tensor.dtype() != entry.type().dtype()
        || !Arrays.equals(tensor.shape(), entry.dims())) {
      throw new IllegalArgumentException(tensor + " is not what was announced: " + place.what());
    }
    if (tensor.contiguous()) {
      put(tensor.data(), place.position());
    } else {
      rows(tensor, place.position());
    }
    done(name);
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
