package dev.nudge.quant;

import dev.nudge.format.ConfigJson;
import dev.nudge.format.WeightFile;
import dev.nudge.tensor.Dtype;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/// A form of the weights of linear layers other than numbers in a float type: how a config and a
/// file tell of it, and how a layer is read. An entry of [WeightFormats].
///
/// Two that are equal hold weights in the same way: what tells variants of one format apart, as
/// quantised scales do for NF4, is the format's own and others only compare it. A format that
/// weights can be made in and written is a [WritableFormat].
///
/// A layer is named by the path before `.weight`, as a dense checkpoint spells it.
///
/// Threading: immutable.
public interface WeightFormat {
  /// The format's name in files and messages, for example `nf4`.
  String name();

  /// Says in words how weights are held, for messages.
  default String shown() {
    return name();
  }

  /// The variant as files keep it beside the name, by key.
  default Map<String, Object> variant() {
    return Map.of();
  }

  /// The format in the variant that a file keeps ([#variant]).
  default WeightFormat in(Map<String, ?> variant) {
    return this;
  }

  /// What `quantization_config` calls the tool that owns the format.
  String quantMethod();

  /// The format as a `quantization_config` of this tool has it.
  ///
  /// @throws dev.nudge.settings.InputException where that is not this format, by name
  WeightFormat declared(ConfigJson q);

  /// The modules that a `quantization_config` leaves dense, or whatever contains them.
  default List<String> skipped(ConfigJson q) {
    return List.of();
  }

  /// The names of the tensors that a layer owns in a file, numbers first.
  List<String> parts(String path);

  /// Whether a file stores a layer in this format, or in a kin of it that [#open] refuses.
  default boolean stores(WeightFile file, String path) {
    return parts(path).stream()
        .anyMatch(part -> !part.equals(path + ".weight") && file.names().contains(part));
  }

  /// The format in the variant in which a file stores layers, whatever a config declares.
  default WeightFormat in(WeightFile file, Collection<String> paths) {
    return this;
  }

  /// Reads a stored weight (rows, cols), whose numbers stay in the file.
  ///
  /// @throws dev.nudge.settings.InputException in one line, with the file, the tensor, what stands
  ///     there and what is allowed
  StoredWeight open(WeightFile file, String path, int rows, int cols);

  /// The type that the numbers of a stored weight had before.
  Dtype before(WeightFile file, String path, int rows, int cols);

  /// A weight without numbers, of as many bytes as one with them: for plans.
  StoredWeight dry(int rows, int cols);
}
