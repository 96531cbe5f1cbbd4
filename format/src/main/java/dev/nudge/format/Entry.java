package dev.nudge.format;

import dev.nudge.tensor.Dtype;
import java.util.Arrays;
import java.util.List;

/// Describes one stored tensor: name, type and shape; an empty shape is a scalar.
///
/// @param shape sizes, slowest dimension first; their product fits in 2⁵⁶, zeros counted as one
public record Entry(String name, StoredType type, List<Long> shape) {
  private static final long MOST_ELEMENTS = 1L << 56;

  public Entry {
    shape = List.copyOf(shape);
    long elements = 1;
    for (long size : shape) {
      if (size < 0 || Math.max(size, 1) > MOST_ELEMENTS / elements) {
        throw new IllegalArgumentException(
            "shape %s of \"%s\": sizes are 0 or more, their product below 2^56"
                .formatted(shape, name));
      }
      elements *= Math.max(size, 1);
    }
  }

  public static Entry of(String name, Dtype dtype, long... shape) {
    return new Entry(name, StoredType.of(dtype), Arrays.stream(shape).boxed().toList());
  }

  /// Returns the shape as an array.
  public long[] dims() {
    return shape.stream().mapToLong(Long::longValue).toArray();
  }

  public long elements() {
    return shape.stream().reduce(1L, (a, b) -> a * b);
  }

  /// Bytes of the data, rounded up to whole bytes.
  public long bytes() {
    return (elements() * type.bits() + 7) / 8;
  }

  @Override
  public String toString() {
    return name + " " + type + " " + shape;
  }
}
