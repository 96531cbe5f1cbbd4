package dev.nudge.quant;

import dev.nudge.format.ConfigJson;
import dev.nudge.format.Entry;
import dev.nudge.format.SafeTensors;
import dev.nudge.format.SafeTensorsWriter;
import dev.nudge.kernel.Kernels;
import dev.nudge.settings.Quantize;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A form of the weights of linear layers other than numbers in a float type: how a file stores
/// them, how they are made of dense ones, and how they are written. An entry of [WeightFormats].
///
/// Threading: immutable.
public interface WeightFormat {
  /// The format as `--quantize` and `nudge.json` name it.
  Quantize method();

  /// The format's name in messages, for example `nf4`.
  String name();

  /// Whether scales are quantised too.
  boolean doubleQuant();

  /// What `quantization_config` calls the tool that owns the format.
  String quantMethod();

  /// Refuses a `quantization_config` of this tool that is not this format, by name.
  void check(ConfigJson q);

  /// The format as a checked `quantization_config` has it.
  WeightFormat declared(ConfigJson q);

  /// The modules that a checked `quantization_config` leaves dense, or whatever contains them.
  List<String> skipped(ConfigJson q);

  /// The format, where the file stores the tensor `weight` in it or in a kin of it that
  /// [#open] refuses; else null.
  @Nullable WeightFormat in(SafeTensors file, String weight);

  /// Reads a stored weight (rows, cols), whose numbers stay in the file.
  ///
  /// @throws dev.nudge.settings.InputException in one line, with the file, the tensor, what stands
  ///     there and what is allowed
  StoredWeight open(SafeTensors file, String weight, int rows, int cols);

  /// The type that the numbers of a stored weight had before.
  Dtype before(SafeTensors file, String weight, int rows, int cols);

  /// Bytes of the codes of a weight of `n` numbers.
  long codes(long n);

  /// Bytes of codes and constants of a weight of `n` numbers.
  long bytes(long n);

  /// Bytes that are needed beside them while such a weight is made.
  long room(long n);

  /// Makes a weight of a contiguous matrix of any float type but F64.
  ///
  /// @param scope owns the weight
  /// @param room of so many bytes as [#room] says
  StoredWeight make(Tensor dense, Scope scope, Kernels kernels, MemorySegment room);

  /// A weight without numbers, for plans.
  StoredWeight dry(int rows, int cols);

  /// How a layer is written; null where that depends on the numbers of its weight.
  ///
  /// @param weight the tensor's name
  /// @param before the type that the numbers had
  @Nullable Layer layer(String weight, int rows, int cols, Dtype before);

  /// How the layer of a weight that is made is written.
  Layer layer(String weight, Dtype before, StoredWeight made);

  /// The `quantization_config` of a folder in this format.
  ///
  /// @param compute the type in which it is meant to compute
  /// @param skipped modules that stay dense; null: the usual ones
  Map<String, @Nullable Object> config(Dtype compute, @Nullable List<String> skipped);

  /// The tensors of one layer in a file.
  interface Layer {
    /// What a writer must be told before it begins.
    List<Entry> entries();

    /// Writes the tensors.
    void write(SafeTensorsWriter file, StoredWeight weight);
  }
}
