package dev.nudge.quant;

import dev.nudge.format.ConfigJson;
import dev.nudge.format.WeightFile;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/// A quantisation format of linear layers' weights: how a config declares it, and how a file
/// stores and a reader opens a layer. Formats are listed in [WeightFormats].
///
/// Two equal formats hold weights in the same way: variants of a format, such as NF4 with and
/// without double quantisation, differ in fields of the format, which other classes only compare.
/// A format that can be written is a [WritableFormat].
///
/// A layer is named by the path before `.weight`, as a dense checkpoint spells it.
///
/// Threading: immutable.
public interface WeightFormat {
  /// The format's name in files and messages, for example `nf4`.
  String name();

  /// A description of the format for messages.
  default String shown() {
    return name();
  }

  /// The fields of the variant, which files keep beside the name.
  default Map<String, Object> variant() {
    return Map.of();
  }

  /// Returns the format in a variant that a file keeps ([#variant]).
  default WeightFormat in(Map<String, ?> variant) {
    return this;
  }

  /// The `quant_method` of a `quantization_config` in this format, for example `bitsandbytes`.
  String quantMethod();

  /// Returns the format in the variant that a `quantization_config` of this tool declares.
  ///
  /// @throws dev.nudge.settings.InputException if that is another format; names it
  WeightFormat declared(ConfigJson q);

  /// The modules that a `quantization_config` leaves dense, or modules that contain them.
  default List<String> skipped(ConfigJson q) {
    return List.of();
  }

  /// Whether the embedding and the output head may be stored in it too.
  default boolean holdsEnds() {
    return false;
  }

  /// The names of the tensors of a layer in a file, codes first.
  List<String> parts(String path);

  /// Tells whether a file stores a layer in this format, or in a variant that [#open] refuses.
  default boolean stores(WeightFile file, String path) {
    return parts(path).stream()
        .anyMatch(part -> !part.equals(path + ".weight") && file.names().contains(part));
  }

  /// Returns the format in the variant in which a file stores layers, whatever a config declares.
  default WeightFormat in(WeightFile file, Collection<String> paths) {
    return this;
  }

  /// Opens a stored weight (rows, cols), whose codes stay in the mapped file.
  ///
  /// @throws dev.nudge.settings.InputException in one line: the file, the tensor, its wrong value
  ///     and the allowed ones
  StoredWeight open(WeightFile file, String path, int rows, int cols);

  /// Whether a weight computes on the mapped file's own bytes. If not, [#load] copies it.
  default boolean inPlace() {
    return true;
  }

  /// Opens a stored weight for computing. A weight not read [in place][#inPlace] is copied, at the
  /// size of [#dry].
  ///
  /// @param scope owns the copy
  /// @throws dev.nudge.settings.InputException as [#open]
  default StoredWeight load(WeightFile file, String path, int rows, int cols, Scope scope) {
    return open(file, path, rows, cols);
  }

  /// The type of a stored weight's numbers before quantisation.
  Dtype before(WeightFile file, String path, int rows, int cols);

  /// A weight without memory, of the same number of bytes as that of the layer: for dry runs.
  StoredWeight dry(String path, int rows, int cols);
}
