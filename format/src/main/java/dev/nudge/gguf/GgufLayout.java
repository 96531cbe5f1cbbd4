package dev.nudge.gguf;

import java.io.ByteArrayOutputStream;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The layout of a GGUF file to write: its header, and the offset of each tensor.
///
/// Tensors lie in the order of their infos, each at a multiple of 32 bytes, without gaps: llama.cpp
/// refuses any other order.
///
/// @param header header of the file, with the padding before the data
/// @param tensors tensors by name, in file order
/// @param bytes size of the whole file
public record GgufLayout(byte[] header, Map<String, GgufTensor> tensors, long bytes) {
  private static final int VERSION = 3;
  private static final int ALIGNMENT = 32;
  private static final int MOST_NAME = 63; // bytes; llama.cpp's limit

  public GgufLayout {
    tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
  }

  /// A tensor to write.
  ///
  /// @param shape slowest first: (rows, columns)
  public record Planned(String name, GgufType type, List<Long> shape) {
    public Planned {
      shape = List.copyOf(shape);
    }

    /// Bytes of its data.
    public long bytes() {
      return type.rowBytes(shape.stream().reduce(1L, Math::multiplyExact));
    }
  }

  /// Computes the layout of a file.
  public static GgufLayout of(GgufPairs pairs, List<Planned> tensors) {
    ByteArrayOutputStream header = new ByteArrayOutputStream();
    header.writeBytes(new byte[] {'G', 'G', 'U', 'F'});
    header.writeBytes(GgufPairs.buffer(4).putInt(VERSION).array());
    header.writeBytes(GgufPairs.buffer(16).putLong(tensors.size()).putLong(pairs.size()).array());
    pairs.write(header);
    long offset = 0;
    for (Planned tensor : tensors) {
      if (tensor.name.length() > MOST_NAME) {
        throw new IllegalArgumentException(tensor.name + " is longer than llama.cpp takes");
      }
      header.writeBytes(GgufPairs.utf8(tensor.name));
      header.writeBytes(GgufPairs.buffer(4).putInt(tensor.shape.size()).array());
      for (long size : tensor.shape.reversed()) {
        header.writeBytes(GgufPairs.buffer(8).putLong(size).array());
      }
      header.writeBytes(GgufPairs.buffer(12).putInt(tensor.type.number()).putLong(offset).array());
      offset = padded(offset + tensor.bytes());
    }
    header.writeBytes(new byte[(int) (padded(header.size()) - header.size())]);
    Map<String, GgufTensor> placed = new LinkedHashMap<>();
    long at = header.size();
    for (Planned t : tensors) {
      placed.put(t.name, new GgufTensor(t.name, t.type, t.shape, at, t.bytes()));
      at = padded(at + t.bytes());
    }
    return new GgufLayout(header.toByteArray(), placed, at);
  }

  private static long padded(long bytes) {
    return Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
  }
}
