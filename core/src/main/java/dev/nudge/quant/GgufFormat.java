package dev.nudge.quant;

import dev.nudge.format.ConfigJson;
import dev.nudge.format.GgufFile;
import dev.nudge.format.WeightFile;
import dev.nudge.gguf.GgufType;
import dev.nudge.gguf.HeadRows;
import dev.nudge.gguf.block.BlockReader;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;

/// The quantised matrices of a GGUF file, each in a block type of its own.
///
/// All GGUF files are one variant; the base's digest distinguishes them.
public final class GgufFormat implements WeightFormat {
  static final GgufFormat ANY = new GgufFormat(Map.of());

  private final Map<String, GgufType> types; // by path; empty: no file is known

  private GgufFormat(Map<String, GgufType> types) {
    this.types = Map.copyOf(types);
  }

  @Override
  public String name() {
    return "gguf";
  }

  @Override
  public String quantMethod() {
    return "gguf";
  }

  @Override
  public WeightFormat declared(ConfigJson q) {
    throw q.refuse("quant_method is gguf; give the GGUF file itself as --model");
  }

  @Override
  public List<String> parts(String path) {
    return List.of(path + ".weight");
  }

  @Override
  public boolean stores(WeightFile file, String path) {
    return packed(file, path) != null;
  }

  @Override
  public boolean holdsEnds() {
    return true;
  }

  @Override
  public WeightFormat in(WeightFile file, Collection<String> paths) {
    Map<String, GgufType> all = new HashMap<>();
    for (String path : paths) {
      GgufFile.Packed packed = packed(file, path);
      if (packed != null) {
        all.put(path, packed.type());
      }
    }
    return new GgufFormat(all);
  }

  @Override
  public StoredWeight open(WeightFile file, String path, int rows, int cols) {
    GgufFile.Packed packed = Objects.requireNonNull(packed(file, path), path);
    if (packed.rows() != rows || packed.cols() != cols) {
      Path there = file.file(path + ".weight");
      throw new InputException(
          "%s: %s.weight is [%d, %d], its metadata says [%d, %d]"
              .formatted(there, path, packed.rows(), packed.cols(), rows, cols));
    }
    long rowBytes = packed.type().rowBytes(cols);
    Tensor bytes = Tensor.of(packed.bytes(), Dtype.U8, rows, rowBytes);
    return new GgufWeight(rows, cols, packed.type(), bytes, packed.order());
  }

  private static GgufFile.@Nullable Packed packed(WeightFile file, String path) {
    return file instanceof GgufFile gguf ? gguf.packed(path + ".weight") : null;
  }

  @Override
  public Dtype before(WeightFile file, String path, int rows, int cols) {
    return switch (Objects.requireNonNull(packed(file, path), path).type()) {
      case F32 -> Dtype.F32;
      case F16 -> Dtype.F16;
      default -> Dtype.BF16;
    };
  }

  @Override
  public StoredWeight dry(String path, int rows, int cols) {
    return GgufWeight.dry(rows, cols, types.getOrDefault(path, GgufType.Q8_0));
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof GgufFormat;
  }

  @Override
  public int hashCode() {
    return name().hashCode();
  }

  @Override
  public String toString() {
    return name();
  }

  /// A weight (rows, cols) in the blocks of a GGUF file, each row a whole number of blocks.
  ///
  /// All 15 types are dequantised row by row; eight also have machine code with the same bits
  /// (`DotBlocks`). A dequantised head would take hundreds of MB a lane.
  ///
  /// Threading: immutable; the mapped file owns the bytes.
  static final class GgufWeight implements StoredWeight.ByRows {
    private final int rows;
    private final int cols;
    private final Tensor bytes; // U8 (rows, bytes of a row)
    private final GgufType type;
    private final BlockReader reader;
    private final @Nullable HeadRows order;

    /// @param bytes U8 (rows, bytes of a row), in the order of the file
    /// @param order of the file's rows; null: the model's order
    GgufWeight(int rows, int cols, GgufType type, Tensor bytes, @Nullable HeadRows order) {
      this.rows = rows;
      this.cols = cols;
      this.type = type;
      this.bytes = bytes;
      this.reader = BlockReader.of(type);
      this.order = order;
    }

    /// A weight without memory, for dry runs.
    static GgufWeight dry(int rows, int cols, GgufType type) {
      Tensor bytes = Tensor.dry(Dtype.U8, rows, type.rowBytes(cols));
      return new GgufWeight(rows, cols, type, bytes, null);
    }

    @Override
    public int rows() {
      return rows;
    }

    @Override
    public int cols() {
      return cols;
    }

    @Override
    public List<Tensor> parts() {
      return List.of(bytes);
    }

    @Override
    public SkinnyProduct.Weight few() {
      IntUnaryOperator place = order == null ? row -> row : order::inFile;
      SkinnyProduct.Blocks blocks = new SkinnyProduct.Blocks(type.name(), bytes, place);
      return new SkinnyProduct.ByRow(rows, cols, bytes.bytes(), this, blocks);
    }

    @Override
    public void read(int row, MemorySegment to, long start) {
      long at = (order == null ? row : order.inFile(row)) * type.rowBytes(cols);
      reader.read(bytes.data(), at, cols / type.block(), to, start);
    }
  }
}
