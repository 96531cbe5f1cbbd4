package dev.nudge.export;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.nudge.gguf.GgufType;
import dev.nudge.gguf.HeadRows;
import dev.nudge.gguf.block.BlockWriter;
import dev.nudge.kernel.Kernels;
import dev.nudge.merge.MergedTensors;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/// Stores the rows of a tensor as blocks of a GGUF type, in the order of the file.
///
/// @param name for messages
/// @param order of the rows, or of a vector's elements; null: the model's
/// @param more is added to each number: Gemma's norms are stored as 1 + w
record StoredRows(
    String name, GgufType type, BlockWriter writer, @Nullable HeadRows order, float more)
    implements MergedTensors.Storing {
  private static final float MOST_HALF = 65504;

  static StoredRows of(String name, GgufType type, @Nullable HeadRows order, boolean addsOne) {
    return new StoredRows(name, type, BlockWriter.of(type), order, addsOne ? 1 : 0);
  }

  @Override
  public int grain() {
    return order == null ? 1 : order.rows() / order.heads();
  }

  @Override
  public Tensor store(int from, Tensor rows, Workspace ws, Kernels kernels) {
    Tensor values = rows;
    if (rows.dtype() != Dtype.F32 || !rows.contiguous() || more != 0) {
      values = ws.take(Dtype.F32, rows.rows(), rows.cols());
      kernels.elementwise().copy(rows, values);
    }
    boolean vector = order != null && order.rows() != rows.rows() && rows.rows() == 1;
    int count = vector ? rows.cols() : rows.rows();
    int cols = vector ? 1 : rows.cols();
    Tensor out = ws.take(Dtype.U8, count, (int) type.rowBytes(cols));
    if (!ws.dry()) {
      add(values);
      check(values);
      for (int r = 0; r < count; r++) {
        int row = order == null ? r : order.inFile(from + r) - from;
        writer.write(
            values.data(),
            4L * r * cols,
            cols / type.block(),
            out.data(),
            row * type.rowBytes(cols));
      }
    }
    return out;
  }

  private void add(Tensor values) {
    for (long i = 0; more != 0 && i < values.elements(); i++) {
      values.put(i, (float) values.at(i) + more);
    }
  }

  /// Refuses numbers that F16 makes infinite.
  private void check(Tensor values) {
    if (type == GgufType.F16) {
      float most = largest(values.data());
      if (most > MOST_HALF) {
        throw new InputException(
            "%s holds %s, more than f16 can say; give --type bf16".formatted(name, most));
      }
    }
  }

  private static float largest(MemorySegment values) {
    float most = 0;
    for (long i = 0; i < values.byteSize(); i += 4) {
      float value = values.get(JAVA_FLOAT_UNALIGNED, i);
      most = Math.max(most, Math.abs(value));
    }
    return most;
  }
}
