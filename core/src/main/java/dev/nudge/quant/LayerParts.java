package dev.nudge.quant;

import dev.nudge.format.Entry;
import dev.nudge.format.StoredType;
import dev.nudge.format.WeightFile;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/// Reads a layer's tensors from a file and checks them against the config and the model.
///
/// @param format as messages call it
/// @param path the layer's
/// @param rows of its weight, and `cols`
record LayerParts(WeightFile file, String format, String path, int rows, int cols) {
  private static final Set<StoredType> FLOATS =
      Set.of(StoredType.F16, StoredType.BF16, StoredType.F32);

  String name(String part) {
    return path + "." + part;
  }

  boolean has(String part) {
    return file.names().contains(name(part));
  }

  /// The sizes of a tensor of `rank` dimensions.
  long[] dims(String part, int rank) {
    Entry entry = file.entry(name(part));
    if (entry.dims().length != rank) {
      throw refuse(part, "is " + shown(entry) + "; it has " + rank + " dimensions");
    }
    return entry.dims();
  }

  /// A tensor of 32-bit words.
  Tensor words(String part, String why, long... shape) {
    return of(part, Set.of(StoredType.I32), why, shape);
  }

  /// A tensor of signed bytes.
  Tensor bytes(String part, String why, long... shape) {
    return of(part, Set.of(StoredType.I8), why, shape);
  }

  /// A tensor of unsigned bytes.
  Tensor codes(String part, String why, long... shape) {
    return of(part, Set.of(StoredType.U8), why, shape);
  }

  /// The scales, all of them finite.
  Tensor scales(String part, String why, long... shape) {
    Tensor scales = of(part, FLOATS, why, shape);
    for (long i = 0; i < scales.elements(); i++) {
      if (!Double.isFinite(scales.at(i))) {
        throw refuse(part, "has " + scales.at(i) + " at " + i + "; a scale is a finite number");
      }
    }
    return scales;
  }

  /// The number of groups of a row, from the sizes of the scales.
  ///
  /// @param groups of the scales
  /// @return columns of a group
  int group(String part, long groups, Scheme scheme) {
    if (groups < 1 || groups > cols) {
      throw refuse(part, "has " + groups + " groups; a row of " + cols + " has 1 to " + cols);
    }
    int group =
        scheme.group() == Scheme.ALL
            ? cols
            : scheme.group() == 0 ? Math.ceilDiv(cols, (int) groups) : scheme.group();
    if (scheme.group() == 0 && cols % groups != 0) {
      throw refuse(
          part,
          "has "
              + groups
              + " groups, which a row of "
              + cols
              + " cannot be cut into evenly; group_size is needed in the config");
    }
    if (Math.ceilDiv(cols, group) != groups) {
      throw refuse(
          part,
          "has "
              + groups
              + " groups; a row of "
              + cols
              + " with group_size "
              + scheme.group()
              + " has "
              + Math.ceilDiv(cols, group));
    }
    return Math.min(group, cols);
  }

  private Tensor of(String part, Set<StoredType> types, String why, long... shape) {
    check(part, types, why, shape);
    return file.tensor(name(part));
  }

  /// Refuses a tensor of another type or shape.
  ///
  /// @param why the layer has this shape, for the message
  void check(String part, Set<StoredType> types, String why, long... shape) {
    Entry entry = file.entry(name(part));
    if (!types.contains(entry.type()) || !Arrays.equals(entry.dims(), shape)) {
      throw refuse(
          part,
          "is "
              + shown(entry)
              + "; a layer of "
              + List.of(rows, cols)
              + " in "
              + format
              + why
              + " needs "
              + types.stream().sorted().map(StoredType::name).collect(Collectors.joining(" or "))
              + " "
              + Arrays.toString(shape));
    }
  }

  private static String shown(Entry entry) {
    return entry.type() + " " + entry.shape();
  }

  /// Makes the error for a part that is wrong.
  InputException refuse(String part, String what) {
    return new InputException(file.file(name(part)) + ": " + name(part) + " " + what);
  }

  /// Makes the error for a part that the file lacks.
  InputException missing(String part, String why) {
    return new InputException(file.source() + " has no tensor " + name(part) + "; " + why);
  }
}
