package dev.nudge.quant;

import dev.nudge.gguf.GgufType;
import dev.nudge.gguf.HeadRows;
import dev.nudge.gguf.block.BlockReader;
import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;

/// A weight (rows, cols) in the blocks of a GGUF file, each row a whole number of blocks.
///
/// All 15 types are dequantised row by row; eight also have machine code with the same bits
/// (`DotBlocks`). A dequantised head would take hundreds of MB a lane.
///
/// Threading: immutable; the bytes are owned by the mapping they lie in.
final class GgufWeight implements StoredWeight, SkinnyProduct.RowReader {
  private final int rows;
  private final int cols;
  private final Tensor bytes; // U8 (rows, bytes of a row)
  private final GgufType type;
  private final BlockReader reader;
  private final @Nullable HeadRows order;

  /// @param bytes U8 (rows, bytes of a row), in the order of the file
  /// @param order of the file's rows; null: as the model has them
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

  @Override
  public void make(int from, int to, Tensor out, Workspace ws, Kernels kernels) {
    int mark = ws.mark();
    boolean direct = out.dtype() == Dtype.F32;
    Tensor row = direct ? out : ws.take(Dtype.F32, 1, cols);
    for (int r = from; r < to && !ws.dry(); r++) {
      if (direct) {
        read(r, out.data(), 4L * (r - from) * cols);
      } else {
        read(r, row.data(), 0);
        kernels.elementwise().copy(row, out.rows(r - from, r - from + 1));
      }
    }
    ws.release(mark);
  }
}
