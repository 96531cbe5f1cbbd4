package dev.nudge.format;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import org.jspecify.annotations.Nullable;

/// The named tensors of a weight file, or of a folder's weight files, mapped and read-only.
///
/// [#open] chooses the implementation by the files' format; readers of weights use this interface
/// alone.
///
/// Threading: immutable; any thread may read. Close it when no thread uses its tensors any more; a
/// tensor used afterwards throws.
public interface WeightFile extends AutoCloseable {
  /// Opens a weight file, or the weight files of a model folder.
  ///
  /// @throws InputException if it is missing, truncated or breaks a rule of its format
  static WeightFile open(Path fileOrFolder) {
    return GgufFile.is(fileOrFolder) ? GgufFile.open(fileOrFolder) : SafeTensors.open(fileOrFolder);
  }

  /// Returns the file or folder that was opened.
  Path source();

  /// Returns the names of all tensors, sorted.
  NavigableSet<String> names();

  /// Type and shape of a tensor.
  Entry entry(String name);

  /// Returns the file that holds a tensor.
  Path file(String name);

  /// Returns the stored bytes of a tensor of any type, read-only.
  MemorySegment bytes(String name);

  /// Returns the weight files, in the order of their names.
  List<Path> files();

  /// The index file of the shards; null if there is none.
  @Nullable Path index();

  /// Returns the stored tensors that appear under other names or in parts.
  default List<Stack> stacks() {
    return List.of();
  }

  /// Returns the text metadata of the header; with several files, the first that has a key wins.
  Map<String, String> metadata();

  /// Whether [#tensor] returns a copy, not a view of the file.
  default boolean copied(String name) {
    return false;
  }

  /// Returns a tensor as it is stored, read-only.
  ///
  /// @throws InputException if it is absent, or of a type that a tensor cannot have
  default Tensor tensor(String name) {
    Entry entry = entry(name);
    Dtype dtype = entry.type().dtype();
    if (dtype == null) {
      throw Refusal.of(
          file(name),
          "tensor %s: dtype %s is not supported; F32, F16 and BF16 weights are"
              .formatted(Refusal.quote(name), entry.type()));
    }
    return Tensor.of(bytes(name), dtype, entry.dims());
  }

  /// Returns the type of a tensor that [#tensor] returns.
  default Dtype dtype(String name) {
    return tensor(name).dtype();
  }

  /// Unmaps the files.
  @Override
  void close();
}
