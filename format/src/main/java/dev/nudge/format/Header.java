package dev.nudge.format;

import dev.nudge.settings.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Reads and checks the header of one safetensors file.
///
/// ```text
/// u64 little-endian n | n bytes of JSON | data
/// {"__metadata__": {text: text}, name: {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}
/// ```
///
/// The rules are those of the official library [1]; they also make mapping the file safe: sorted by
/// offset, the tensors cover the data from its first byte to its last without gap or overlap, and
/// each has exactly the bytes of its shape. Beyond them: names are unique, and limits bound the
/// cost of a header ([#MOST_BYTES] is the official one). Unknown keys of a tensor are ignored, as
/// the official library does.
///
/// [1] https://github.com/huggingface/safetensors
record Header(List<Slot> slots, Map<String, String> metadata, long dataStart) {
  static final long MOST_BYTES = 100_000_000;
  static final int MOST_TENSORS = 250_000;
  static final int MOST_DIMENSIONS = 32;
  static final String METADATA = "__metadata__";

  /// A tensor's entry and byte range, counted from the first byte of the data.
  record Slot(Entry entry, long begin, long end) {}

  static Header read(Path file, FileChannel channel, long size) throws IOException {
    long length = length(file, channel, size);
    List<Slot> slots = new ArrayList<>();
    Map<String, String> metadata = new TreeMap<>();
    InputStream json =
        new BoundedStream(Channels.newInputStream(channel.position(8)), length) {
          @Override
          public void close() {} // the caller closes the channel
        };
    StrictJson.read(
        file,
        "header",
        json,
        p -> {
          String name = p.name();
          if (name.equals(METADATA)) {
            metadata(p.value(), metadata);
          } else if (slots.size() == MOST_TENSORS) {
            throw p.refuse(
                "has more than " + MOST_TENSORS + " tensors, the largest number allowed");
          } else {
            slots.add(slot(file, name, p.value()));
          }
        });
    slots.sort(Comparator.comparingLong(Slot::begin).thenComparingLong(Slot::end));
    cover(file, slots, size - 8 - length);
    return new Header(slots, metadata, 8 + length);
  }

  private static long length(Path file, FileChannel channel, long size) throws IOException {
    if (size < 8) {
      throw Refusal.of(
          file,
          "is " + size + " bytes long; a safetensors file begins with 8 bytes of header length");
    }
    ByteBuffer first = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
    while (first.hasRemaining()) {
      if (channel.read(first, first.position()) < 0) {
        throw new IOException("the file was cut while it was read");
      }
    }
    if (Arrays.equals(first.array(), "version ".getBytes(StandardCharsets.US_ASCII))) {
      throw Refusal.of(
          file, "is a Git LFS pointer, not the weights; run git lfs pull in its folder");
    }
    long length = first.getLong(0);
    if (Long.compareUnsigned(length, MOST_BYTES) > 0) {
      throw Refusal.of(
          file,
          "header length %s is above the %s bytes allowed; is it a safetensors file?"
              .formatted(Long.toUnsignedString(length), MOST_BYTES));
    }
    if (length > size - 8) {
      throw Refusal.of(
          file,
          "header length %s is above the %s bytes that follow it; is the file truncated?"
              .formatted(length, size - 8));
    }
    return length;
  }

  private static void metadata(StrictJson p, Map<String, String> into) {
    if (!p.isNull()) {
      p.properties(
          METADATA,
          m -> {
            String key = m.name();
            into.put(key, m.value().text(METADATA + " " + Refusal.quote(key)));
          });
    }
  }

  private static Slot slot(Path file, String name, StrictJson p) {
    String tensor = "tensor " + Refusal.quote(name);
    var found =
        new Object() {
          @Nullable StoredType type;
          long @Nullable [] shape;
          long @Nullable [] offsets;
        };
    p.properties(
        tensor,
        field -> {
          switch (field.name()) {
            case "dtype" -> found.type = type(tensor, field.value());
            case "shape" ->
                found.shape = field.value().wholeNumbers(tensor + ": shape", MOST_DIMENSIONS);
            case "data_offsets" ->
                found.offsets = field.value().wholeNumbers(tensor + ": data_offsets", 2);
            default -> field.value().skip();
          }
        });
    StoredType type = present(p, tensor, "dtype", found.type);
    long[] shape = present(p, tensor, "shape", found.shape);
    long[] offsets = present(p, tensor, "data_offsets", found.offsets);
    if (offsets.length != 2) {
      throw p.refuse(tensor + ": data_offsets has " + offsets.length + " numbers; 2 are needed");
    }
    return slot(file, name, type, shape, offsets[0], offsets[1]);
  }

  private static <T> T present(StrictJson p, String tensor, String field, @Nullable T value) {
    if (value == null) {
      throw p.refuse(
          tensor + ": " + field + " is missing; dtype, shape and data_offsets are needed");
    }
    return value;
  }

  private static StoredType type(String tensor, StrictJson p) {
    String given = p.text(tensor + ": dtype");
    try {
      return StoredType.valueOf(given);
    } catch (IllegalArgumentException e) {
      throw p.refuse(
          "%s: dtype %s is not one of %s"
              .formatted(tensor, Refusal.quote(given), Arrays.toString(StoredType.values())));
    }
  }

  private static Slot slot(
      Path file, String name, StoredType type, long[] shape, long begin, long end) {
    if (begin > end) {
      throw refuse(file, name, "data_offsets begin at " + begin + ", after their end " + end);
    }
    Entry entry;
    try {
      entry = new Entry(name, type, Arrays.stream(shape).boxed().toList());
    } catch (IllegalArgumentException e) {
      throw refuse(
          file,
          name,
          "shape " + Arrays.toString(shape) + " is absurd; at most 2^56 elements are allowed");
    }
    long bits = entry.elements() * type.bits();
    if (bits % 8 != 0 || bits / 8 != end - begin) {
      String needs = bits % 8 != 0 ? bits + " bits" : Long.toString(bits / 8);
      throw refuse(
          file,
          name,
          "data_offsets [%s, %s] hold %s bytes, %s of shape %s needs %s"
              .formatted(begin, end, end - begin, type, entry.shape(), needs));
    }
    return new Slot(entry, begin, end);
  }

  /// Checks that the sorted tensors cover `bytes` of data exactly.
  private static void cover(Path file, List<Slot> slots, long bytes) {
    long covered = 0;
    String before = "";
    for (Slot slot : slots) {
      String name = slot.entry.name();
      if (slot.begin < covered) {
        throw refuse(
            file,
            name,
            "data_offsets begin at %s, inside tensor %s that ends at %s; tensors must not overlap"
                .formatted(slot.begin, Refusal.quote(before), covered));
      }
      if (slot.begin > covered) {
        throw refuse(
            file,
            name,
            "data_offsets begin at %s, the data before it ends at %s; a gap is not allowed"
                .formatted(slot.begin, covered));
      }
      if (slot.end > bytes) {
        throw refuse(
            file,
            name,
            "data_offsets end at %s, the file has %s bytes of data; is it truncated?"
                .formatted(slot.end, bytes));
      }
      covered = slot.end;
      before = name;
    }
    if (covered != bytes) {
      throw Refusal.of(
          file,
          "the header's tensors cover %s bytes, the file has %s bytes of data"
              .formatted(covered, bytes));
    }
  }

  private static InputException refuse(Path file, String name, String what) {
    return Refusal.of(file, "tensor " + Refusal.quote(name) + ": " + what);
  }
}
