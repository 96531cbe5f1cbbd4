package dev.nudge.kernel;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.nudge.tensor.Bf16;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;

/// Multiplies few rows by a weight in its storage format, for decoding: y = x·Wᵀ.
///
/// A decoded token is one row, and a product of one row reads every byte of the weight for two
/// operations a number. So the weight is read once, in place, and dequantised in registers. The
/// product is batch-invariant: a row's result depends on the row and the weight only, not on other
/// rows or on the split of the weight's rows over threads. Sums are in fp32.
///
/// Threading: any number of threads at once, on different rows of the weight.
public interface SkinnyProduct {
  /// A weight (rows, cols) in a format that these products read.
  sealed interface Weight {
    int rows();

    int cols();

    /// The tensors a product reads.
    List<Tensor> parts();

    /// Bytes that a product reads.
    default long bytes() {
      return parts().stream().mapToLong(Tensor::bytes).sum();
    }

    /// Returns the column of x that multiplies stored number `i` of each row.
    default int column(int i) {
      return i;
    }
  }

  /// A matrix of F32 or BF16, its rows contiguous.
  record Dense(Tensor matrix) implements Weight {
    @Override
    public int rows() {
      return matrix.rows();
    }

    @Override
    public int cols() {
      return matrix.cols();
    }

    @Override
    public List<Tensor> parts() {
      return List.of(matrix);
    }
  }

  /// An NF4 weight as [Nf4] stores it; its numbers equal [Nf4#dequantize]'s in the compute type,
  /// bit by bit.
  ///
  /// @param packed ⌈rows·cols/2⌉ of U8
  /// @param scales of the blocks
  record Quantized(int rows, int cols, Tensor packed, Scales scales) implements Weight {
    @Override
    public List<Tensor> parts() {
      Tensor codes = scales.codes();
      return codes == null
          ? List.of(packed, scales.absmax())
          : List.of(packed, codes, scales.absmax());
    }
  }

  /// A weight whose rows are read one at a time, for formats without a product of their own.
  ///
  /// @param bytes that a product reads
  /// @param blocks the stored rows, for a provider that decodes their type; null: none does
  record ByRow(int rows, int cols, long bytes, RowReader reader, @Nullable Blocks blocks)
      implements Weight {
    @Override
    public List<Tensor> parts() {
      return blocks == null ? List.of() : List.of(blocks.data());
    }
  }

  /// Rows of blocks of a GGUF file, of equal byte size.
  ///
  /// @param type of the blocks, by GGUF's name
  /// @param data U8 (rows, bytes of a row), in the order of the file
  /// @param place maps a row of the weight to its row of `data`
  record Blocks(String type, Tensor data, IntUnaryOperator place) {}

  /// Reads rows of a weight.
  interface RowReader {
    /// Reads a row as fp32 numbers.
    ///
    /// @param start offset of the first number in `to`, in bytes
    void read(int row, MemorySegment to, long start);
  }

  /// Integer codes that share a scale and a zero in groups of a row: scale·(code − zero), rounded
  /// to the compute type as [GroupedCodes#dequantize] does it.
  ///
  /// @param bits of a code, 4 (number 2k in the low half of byte k of its row) or 8
  /// @param group numbers that share a scale; the last group of a row may be short
  /// @param codes U8 (rows, ⌈cols·bits/8⌉)
  /// @param scales F32 (rows, ⌈cols/group⌉)
  /// @param zeros U8, as many
  /// @param order I32 (1, cols): column of each stored number; null: in order
  record Grouped(
      int rows,
      int cols,
      int bits,
      int group,
      Tensor codes,
      Tensor scales,
      Tensor zeros,
      @Nullable Tensor order)
      implements Weight {
    @Override
    public List<Tensor> parts() {
      return order == null ? List.of(codes, scales, zeros) : List.of(codes, scales, zeros, order);
    }

    @Override
    public int column(int i) {
      return order == null ? i : (int) order.at(i);
    }

    /// Number `i` of a row as stored, in fp32.
    float value(int row, int i) {
      int at = (int) codes.get(row, bits == 8 ? i : i / 2);
      int code = bits == 8 ? at : i % 2 == 0 ? at & 15 : at >> 4;
      int zero = (int) zeros.get(row, i / group);
      return (code - zero) * (float) scales.get(row, i / group);
    }
  }

  /// A weight in [Mxfp4], each row a whole number of blocks.
  ///
  /// @param codes U8 (rows, cols / 2), an even number in the low half of a byte
  /// @param powers U8 (rows, cols / 32)
  record Powers(Tensor codes, Tensor powers) implements Weight {
    public Powers {
      boolean fit =
          codes.rank() == 2
              && powers.rank() == 2
              && codes.dtype() == Dtype.U8
              && powers.dtype() == Dtype.U8
              && codes.stride(1) == 1
              && powers.stride(1) == 1
              && codes.shape(0) == powers.shape(0)
              && codes.shape(1) == (long) Mxfp4.BLOCK / 2 * powers.shape(1);
      if (!fit) { // machine code would read out of bounds
        throw new IllegalArgumentException(codes + " and " + powers + " are no MXFP4 weight");
      }
    }

    @Override
    public int rows() {
      return codes.rows();
    }

    @Override
    public int cols() {
      return 2 * codes.cols();
    }

    @Override
    public List<Tensor> parts() {
      return List.of(codes, powers);
    }

    /// Number `i` of a row, exact in fp32 and in bf16.
    public float value(int row, int i) {
      int both = (int) codes.get(row, i / 2);
      float half = Mxfp4.half((int) powers.get(row, i / Mxfp4.BLOCK));
      return Mxfp4.twice(i % 2 == 0 ? both : both >> 4) * half;
    }
  }

  /// The scales of blocks of [Nf4#BLOCK] numbers: in fp32, or double-quantised to eight bits with
  /// an fp32 absmax for each [#NESTED] of them: value(code)·absmax + offset.
  ///
  /// @param absmax F32, one a block or one for [#NESTED] blocks
  /// @param codes U8, one a block; null if `absmax` has the scales themselves
  record Scales(Tensor absmax, @Nullable Tensor codes, float offset) {
    /// Double-quantised scales that share an fp32 absmax.
    public static final int NESTED = 256;

    /// The scale of a block.
    public float of(int block) {
      if (codes == null) {
        return (float) absmax.at(block);
      }
      float level = DynamicMap.SIGNED.value((int) codes.at(block));
      return level * (float) absmax.at(block / NESTED) + offset;
    }
  }

  /// Returns whether this provider supports the weight; else dequantise it first.
  ///
  /// @param compute type of the rows
  boolean takes(Weight w, Dtype compute);

  /// Returns whether rows arranged for one weight suit another with equal columns.
  default boolean alike(Weight one, Weight other) {
    return one.getClass() == other.getClass();
  }

  /// Converts rows to the type and order in which [#multiply] reads them, in the workspace; on a
  /// dry workspace only allocates.
  ///
  /// @param x (rows, cols)
  default Tensor arranged(Tensor x, Weight w, Workspace ws) {
    Tensor to = room(x, w, ws);
    if (!ws.dry()) {
      arrange(x, w, to);
    }
    return to;
  }

  /// Allocates the output of [#arrange].
  Tensor room(Tensor x, Weight w, Workspace ws);

  /// Converts rows into the output of [#room].
  void arrange(Tensor x, Weight w, Tensor to);

  /// Views some of the rows that [#arranged] returned.
  default Tensor some(Tensor arranged, int from, int to) {
    return arranged.rows(from, to);
  }

  /// Computes the columns `from` to `to` of y, or adds to them.
  ///
  /// @param x rows that [#arranged] returned
  /// @param compute type of unarranged rows; quantised numbers are rounded to it
  /// @param y (rows, the weight's rows) of F32 or BF16
  void multiply(Tensor x, Weight w, Dtype compute, int from, int to, Tensor y, boolean add);

  /// Computes number by number, sums in double.
  final class Plain implements SkinnyProduct {
    @Override
    public boolean takes(Weight w, Dtype compute) {
      return true;
    }

    @Override
    public Tensor room(Tensor x, Weight w, Workspace ws) {
      return x;
    }

    @Override
    public void arrange(Tensor x, Weight w, Tensor to) {}

    @Override
    public void multiply(
        Tensor x, Weight w, Dtype compute, int from, int to, Tensor y, boolean add) {
      double[] row = new double[w.cols()];
      double[][] numbers = new double[x.rows()][row.length];
      for (int r = 0; r < numbers.length; r++) {
        for (int i = 0; i < row.length; i++) {
          numbers[r][i] = x.get(r, i);
        }
      }
      for (int o = from; o < to; o++) {
        row(w, compute, o, row);
        for (int r = 0; r < numbers.length; r++) {
          double sum = add ? y.get(r, o) : 0;
          for (int i = 0; i < row.length; i++) {
            sum += numbers[r][i] * row[i];
          }
          y.set(r, o, sum);
        }
      }
    }

    private static void row(Weight w, Dtype compute, int o, double[] row) {
      if (w instanceof ByRow rows) {
        MemorySegment numbers = MemorySegment.ofArray(new float[row.length]);
        rows.reader.read(o, numbers, 0);
        for (int i = 0; i < row.length; i++) {
          row[i] = rounded(numbers.getAtIndex(JAVA_FLOAT, i), compute);
        }
        return;
      }
      for (int i = 0; i < row.length; i++) {
        row[w.column(i)] = value(w, compute, o, i);
      }
    }

    private static float rounded(float v, Dtype compute) {
      return compute == Dtype.BF16 ? Bf16.toFloat(Bf16.round(v)) : v;
    }

    private static double value(Weight w, Dtype compute, int row, int col) {
      return switch (w) {
        case ByRow r -> throw new IllegalArgumentException(r + " is read by rows");
        case Dense d -> d.matrix.get(row, col);
        case Quantized q -> {
          long at = (long) row * q.cols + col;
          int pair = (int) q.packed.at(at / 2);
          float v =
              Nf4.level(at % 2 == 0 ? pair >> 4 : pair & 15) * q.scales.of((int) (at / Nf4.BLOCK));
          yield rounded(v, compute);
        }
        case Grouped g -> rounded(g.value(row, col), compute);
        case Powers p -> p.value(row, col);
      };
    }
  }
}
