package dev.nudge.gguf;

import java.util.List;

/// Describes a tensor of a GGUF file.
///
/// @param name name in the file
/// @param shape sizes, slowest first, as Hugging Face writes them: (rows, columns)
/// @param begin offset of its data in the file
/// @param bytes size of its data
public record GgufTensor(String name, GgufType type, List<Long> shape, long begin, long bytes) {
  public GgufTensor {
    shape = List.copyOf(shape);
  }

  /// Returns the elements per row: the size of the fastest dimension.
  public long cols() {
    return shape.isEmpty() ? 1 : shape.getLast();
  }
}
