package dev.nudge.gguf;

import dev.nudge.tensor.FileMemory;
import dev.nudge.tensor.Scope;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The header of a GGUF file: metadata, and name, type, shape and offset of each tensor.
///
///     "GGUF" · version u32 · tensors u64 · keys u64 · keys · tensor infos · padding · data
///     key:         name · value type u32 · value
///     tensor info: name · dimensions u32 · sizes u64, fastest first · type u32 · offset u64
///     string:      length u64 · UTF-8
///
/// All little-endian, without padding between fields. The data and every offset into it begin at a
/// multiple of `general.alignment`, 32 if it is absent.
///
/// The file is untrusted: a count is accepted only if that many entries fit into the remaining
/// bytes, sizes are multiplied with overflow checks, and every tensor lies inside the file.
///
/// Threading: immutable; readable as long as the file is mapped.
public final class GgufHeader {
  private static final int MAGIC = 0x46554747; // "GGUF"
  private static final int MOST_DIMENSIONS = 4;
  private static final int KEY_BYTES = 13; // of the shortest key: empty name, type, a byte
  private static final int INFO_BYTES = 24; // of the shortest tensor info
  private static final int MOST_ALIGNMENT = 1 << 20;
  private static final String ALIGNMENT = "general.alignment";

  private final GgufMetadata metadata;
  private final Map<String, GgufTensor> tensors;

  private GgufHeader(GgufMetadata metadata, Map<String, GgufTensor> tensors) {
    this.metadata = metadata;
    this.tensors = tensors;
  }

  /// Whether a file begins with GGUF's magic number.
  public static boolean is(Path file) {
    if (!Files.isRegularFile(file)) {
      return false;
    }
    try (InputStream in = Files.newInputStream(file)) {
      return Arrays.equals(in.readNBytes(4), new byte[] {'G', 'G', 'U', 'F'});
    } catch (IOException e) {
      return false; // the reader of other formats reports the error
    }
  }

  /// Reads the header of a mapped file.
  ///
  /// @param bytes all of the file
  /// @throws InputException if it is cut off or breaks a rule of the format
  public static GgufHeader read(Path file, MemorySegment bytes) {
    return read(file, bytes, new GgufCursor(file, bytes, 0));
  }

  /// Lists the tensors that belong to the config, of a file of which only the first bytes are
  /// present; null: the header needs more bytes.
  ///
  /// @param known number of bytes present
  /// @throws InputException if the header breaks a rule of the format
  public static @Nullable List<GgufTensor> ofConfig(Path file, long known) throws IOException {
    try (Scope scope = Scope.open("header");
        FileChannel channel = FileChannel.open(file)) {
      MemorySegment bytes = FileMemory.map(channel, channel.size(), scope.arena());
      GgufHeader header = read(file, bytes, new GgufCursor(file, bytes, 0, known));
      return header.tensors.values().stream()
          .filter(tensor -> GgufNames.isConfig(tensor.name()))
          .toList();
    } catch (GgufCursor.Beyond e) {
      return null;
    }
  }

  private static GgufHeader read(Path file, MemorySegment bytes, GgufCursor c) {
    if (bytes.byteSize() < 4 || c.u32() != MAGIC) {
      throw c.refuse("is no GGUF file");
    }
    int version = c.u32();
    if (version == 0x02000000 || version == 0x03000000) {
      throw c.refuse("is a big-endian GGUF file; little-endian ones are read");
    }
    if (version != 2 && version != 3) {
      throw c.refuse(
          "is GGUF version " + Integer.toUnsignedString(version) + "; versions 2 and 3 are read");
    }
    long count = c.count("tensors", INFO_BYTES);
    long keys = c.count("keys", KEY_BYTES);
    GgufMetadata metadata = new GgufMetadata(file, values(file, c, bytes, keys));
    int alignment = metadata.whole(ALIGNMENT, 32, 1, MOST_ALIGNMENT);
    if (Integer.bitCount(alignment) != 1) {
      throw c.refuse(ALIGNMENT + " is " + alignment + "; a power of two is needed");
    }
    List<Info> infos = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (long i = 0; i < count; i++) {
      Info info = info(c);
      if (!names.add(info.name)) {
        throw c.refuse("holds the tensor " + GgufError.quote(info.name) + " twice");
      }
      infos.add(info);
    }
    long data = Math.ceilDiv(c.at(), alignment) * alignment;
    Map<String, GgufTensor> tensors = new LinkedHashMap<>();
    long next = 0; // tensors lie in the order of their infos, padded and without gaps
    for (Info info : infos) {
      GgufTensor tensor = tensor(info, c, data, bytes.byteSize(), alignment);
      if (info.offset != next) {
        throw c.refuse(
            "has the tensor %s at offset %s; behind the one before it is %s"
                .formatted(GgufError.quote(info.name), info.offset, next));
      }
      next = Math.ceilDiv(info.offset + tensor.bytes(), alignment) * alignment;
      tensors.put(tensor.name(), tensor);
    }
    return new GgufHeader(metadata, Collections.unmodifiableMap(tensors));
  }

  private static Map<String, GgufValue> values(
      Path file, GgufCursor c, MemorySegment bytes, long keys) {
    Map<String, GgufValue> values = new HashMap<>();
    for (long i = 0; i < keys; i++) {
      String key = c.text("the name of a key");
      if (values.putIfAbsent(key, GgufValue.read(file, c, bytes, key)) != null) {
        throw c.refuse("holds the key " + GgufError.quote(key) + " twice");
      }
    }
    return values;
  }

  private record Info(String name, long[] dims, int type, long offset) {}

  private static Info info(GgufCursor c) {
    String name = c.text("the name of a tensor");
    int rank = c.u32();
    if (rank < 0 || rank > MOST_DIMENSIONS) {
      throw c.refuse(
          "tensor %s has %s dimensions; at most %s are allowed"
              .formatted(GgufError.quote(name), Integer.toUnsignedString(rank), MOST_DIMENSIONS));
    }
    long[] dims = new long[rank];
    for (int i = 0; i < rank; i++) {
      dims[i] = c.u64();
    }
    return new Info(name, dims, c.u32(), c.u64());
  }

  private static GgufTensor tensor(
      Info info, GgufCursor c, long data, long fileBytes, int alignment) {
    String called = "tensor " + GgufError.quote(info.name);
    GgufType type = GgufType.of(info.type);
    if (type == null) {
      throw c.refuse(
          "%s is stored in type %s of ggml; supported are %s"
              .formatted(
                  called,
                  Integer.toUnsignedString(info.type),
                  List.of(GgufType.values()).toString().replaceAll("[\\[\\]]", "")));
    }
    List<Long> shape = new ArrayList<>();
    long elements = 1;
    for (long size : info.dims) {
      if (size < 0 || (size > 0 && elements > (1L << 56) / size)) {
        throw c.refuse(called + " has a size beyond 2^56 numbers");
      }
      elements *= size;
      shape.addFirst(size);
    }
    long cols = info.dims.length == 0 ? 1 : info.dims[0];
    if (cols % type.block() != 0) {
      throw c.refuse(
          "%s has rows of %s numbers; %s needs a multiple of %s"
              .formatted(called, cols, type, type.block()));
    }
    long bytes = type.rowBytes(elements);
    if (info.offset < 0
        || info.offset % alignment != 0
        || info.offset > fileBytes - data
        || bytes > fileBytes - data - info.offset) {
      throw c.refuse(
          called
              + " of "
              + bytes
              + " bytes is at offset "
              + Long.toUnsignedString(info.offset)
              + (info.offset % alignment == 0
                  ? ", beyond the end of the file; it is cut off, or was changed"
                  : ", which is no multiple of " + alignment));
    }
    return new GgufTensor(info.name, type, shape, data + info.offset, bytes);
  }

  public GgufMetadata metadata() {
    return metadata;
  }

  /// Returns the tensors by name, in the order of the file.
  public Map<String, GgufTensor> tensors() {
    return tensors;
  }
}
