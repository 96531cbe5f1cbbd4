package dev.nudge.format;

import dev.nudge.gguf.GgufArchitecture;
import dev.nudge.gguf.GgufFiles;
import dev.nudge.gguf.GgufHeader;
import dev.nudge.gguf.GgufNames;
import dev.nudge.gguf.GgufTensor;
import dev.nudge.gguf.GgufType;
import dev.nudge.gguf.HeadRows;
import dev.nudge.gguf.block.BlockReader;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// The weights of a GGUF file under Hugging Face's names.
///
/// Float tensors are read in place. A matrix of another type, or with reordered rows, appears as
/// its bytes, U8 (rows, bytes of a row), and [#packed] describes it. Vectors that GGUF stores
/// differently from Hugging Face are converted: 1 is subtracted from Gemma's norms, biases of
/// reordered rows are reordered back.
///
/// Threading: as [WeightFile] says.
public final class GgufFile implements WeightFile {
  /// A matrix of quantised blocks in the file.
  ///
  /// @param order order of the file's rows; null: Hugging Face's
  /// @param bytes all rows in sequence
  public record Packed(
      GgufType type, int rows, int cols, @Nullable HeadRows order, MemorySegment bytes) {}

  private record BlockMatrix(
      Entry entry, Path file, MemorySegment bytes, @Nullable Packed packed) {}

  private final Path source;
  private final GgufFiles files;
  private final GgufArchitecture architecture;
  private final Scope scope = Scope.open("vectors");
  private final TreeMap<String, BlockMatrix> tensors = new TreeMap<>();

  private GgufFile(Path source, GgufFiles files) {
    this.source = source;
    this.files = files;
    this.architecture = files.architecture();
  }

  /// Whether a file begins with GGUF's magic number.
  public static boolean is(Path file) {
    return GgufHeader.is(file);
  }

  /// Opens a GGUF file; given the first part of a split model, opens all parts.
  ///
  /// @throws InputException if it cannot be read, breaks a rule of the format, or holds a tensor
  ///     that its architecture lacks
  public static GgufFile open(Path source) {
    GgufFile file = new GgufFile(source, GgufFiles.open(source));
    try {
      file.files.tensors().values().forEach(file::hold);
      return file;
    } catch (RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }

  private void hold(GgufFiles.Stored stored) {
    GgufTensor tensor = stored.tensor();
    if (GgufNames.isConfig(tensor.name())) {
      return;
    }
    String name = GgufNames.huggingFace(architecture, tensor.name());
    if (name == null) {
      throw refuse(stored, "which is no part of the architecture " + architecture.key());
    }
    int layers = layers();
    if (GgufNames.layer(tensor.name()) >= layers) {
      throw refuse(stored, "beyond the " + layers + " layers of its block_count");
    }
    int rank = tensor.shape().size();
    if (rank == 2) {
      tensors.put(name, matrix(name, stored));
    } else if (rank == 1 && tensor.type().isFloat()) {
      tensors.put(name, vector(name, stored));
    } else {
      throw refuse(
          stored,
          "%s %s; matrices, and vectors of a float type are known"
              .formatted(tensor.type(), tensor.shape()));
    }
  }

  private int layers() {
    return files
        .metadata()
        .whole(architecture.key() + ".block_count", Integer.MAX_VALUE, 1, 1 << 14);
  }

  private static InputException refuse(GgufFiles.Stored stored, String what) {
    String name = Refusal.quote(stored.tensor().name());
    return Refusal.of(stored.file(), "holds the tensor " + name + ", " + what);
  }

  private BlockMatrix matrix(String name, GgufFiles.Stored stored) {
    GgufTensor tensor = stored.tensor();
    int rows = size(stored, tensor.shape().getFirst());
    int cols = size(stored, tensor.shape().getLast());
    HeadRows order = order(name, stored, rows);
    if (tensor.type().isFloat() && order == null) {
      Entry entry = Entry.of(name, dtype(tensor.type()), rows, cols);
      return new BlockMatrix(entry, stored.file(), stored.bytes(), null);
    }
    Entry entry = Entry.of(name, Dtype.U8, rows, tensor.type().rowBytes(cols));
    Packed packed = new Packed(tensor.type(), rows, cols, order, stored.bytes());
    return new BlockMatrix(entry, stored.file(), stored.bytes(), packed);
  }

  private static int size(GgufFiles.Stored stored, long size) {
    if (size > Integer.MAX_VALUE) {
      throw refuse(stored, "of " + stored.tensor().shape() + " numbers; sides are below 2^31");
    }
    return (int) size;
  }

  private @Nullable HeadRows order(String name, GgufFiles.Stored stored, int rows) {
    String key = GgufNames.headsKey(architecture, name);
    if (key == null) {
      return null;
    }
    String prefix = architecture.key() + ".";
    String all = prefix + "attention.head_count";
    int most = files.metadata().alike(all, null, 1, Integer.MAX_VALUE);
    int heads = files.metadata().alike(prefix + key, most, 1, Integer.MAX_VALUE);
    if (rows % (2L * heads) != 0) {
      throw refuse(
          stored, "%d rows in %d heads; an even number a head is needed".formatted(rows, heads));
    }
    return new HeadRows(rows, heads);
  }

  private BlockMatrix vector(String name, GgufFiles.Stored stored) {
    GgufTensor tensor = stored.tensor();
    int count = size(stored, tensor.cols());
    boolean less = architecture.addsOneToNorms() && name.endsWith("norm.weight");
    HeadRows order = order(name, stored, count);
    if (!less && order == null) {
      Entry entry = Entry.of(name, dtype(tensor.type()), count);
      return new BlockMatrix(entry, stored.file(), stored.bytes(), null);
    }
    Tensor values = scope.tensor(Dtype.F32, 1, count);
    Tensor converted = scope.tensor(Dtype.F32, 1, count);
    BlockReader.of(tensor.type()).read(stored.bytes(), 0, count, values.data(), 0);
    for (int i = 0; i < count; i++) {
      float value = (float) values.at(order == null ? i : order.inFile(i));
      converted.put(i, less ? value - 1f : value);
    }
    Entry entry = Entry.of(name, Dtype.F32, count);
    return new BlockMatrix(entry, stored.file(), converted.data().asReadOnly(), null);
  }

  private static Dtype dtype(GgufType type) {
    return switch (type) {
      case F32 -> Dtype.F32;
      case F16 -> Dtype.F16;
      case BF16 -> Dtype.BF16;
      default -> throw new IllegalArgumentException(type + " is no float type");
    };
  }

  /// Returns how a quantised or reordered matrix is stored; null: a plain float tensor, or absent.
  public @Nullable Packed packed(String name) {
    BlockMatrix held = tensors.get(name);
    return held == null ? null : held.packed;
  }

  @Override
  public Path source() {
    return source;
  }

  @Override
  public NavigableSet<String> names() {
    return Collections.unmodifiableNavigableSet(tensors.navigableKeySet());
  }

  @Override
  public Entry entry(String name) {
    return held(name).entry;
  }

  @Override
  public Path file(String name) {
    return held(name).file;
  }

  @Override
  public MemorySegment bytes(String name) {
    return held(name).bytes;
  }

  @Override
  public List<Path> files() {
    return files.files();
  }

  @Override
  public @Nullable Path index() {
    return null;
  }

  @Override
  public Map<String, String> metadata() {
    return Map.of("format", "pt");
  }

  private BlockMatrix held(String name) {
    BlockMatrix held = tensors.get(name);
    if (held == null) {
      throw Refusal.of(
          source, "has no tensor " + Refusal.quote(name) + Nearest.hint(name, tensors.keySet()));
    }
    return held;
  }

  @Override
  public void close() {
    scope.close();
    files.close();
  }
}
