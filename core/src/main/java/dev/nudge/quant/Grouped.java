package dev.nudge.quant;

import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// A weight (rows, cols) of integer codes in groups, in memory: the form of GPTQ, AWQ and
/// compressed-tensors ([dev.nudge.kernel.GroupedCodes]).
///
/// Codes of 2 to 4 bits are held in 4, codes of up to 8 bits in 8: one kernel each. If act-order
/// scatters groups over the columns, a row's numbers are sorted by group, and `order` holds the
/// column of each.
///
/// The codes are copied at loading, not read in place: GPTQ spreads a row over as many pages as it
/// has words, and one layout needs only one kernel. So such a model cannot be streamed from its
/// file.
///
/// Threading: immutable once filled; a scope owns the bytes.
public final class Grouped implements StoredWeight {
  private final SkinnyProduct.Grouped few;

  private Grouped(SkinnyProduct.Grouped few) {
    this.few = few;
  }

  /// The sizes of a weight in memory.
  ///
  /// @param bits of a stored code, 2 to 8
  /// @param group columns that share a scale and a zero, at least 1
  /// @param ordered whether groups are scattered over the columns
  public record Form(int bits, int group, boolean ordered) {
    /// Groups in a row of `cols` numbers; the last may be short.
    public int groups(int cols) {
      return Math.ceilDiv(cols, group);
    }

    /// Bits of a code in memory.
    int held() {
      return bits <= 4 ? 4 : 8;
    }
  }

  /// Makes an empty weight.
  static Grouped of(int rows, int cols, Form form, Function<Size, Tensor> memory) {
    int group = Math.min(form.group, cols);
    int groups = form.groups(cols);
    return new Grouped(
        new SkinnyProduct.Grouped(
            rows,
            cols,
            form.held(),
            group,
            memory.apply(new Size(Dtype.U8, rows, Math.ceilDiv(cols * form.held(), 8))),
            memory.apply(new Size(Dtype.F32, rows, groups)),
            memory.apply(new Size(Dtype.U8, rows, groups)),
            form.ordered ? memory.apply(new Size(Dtype.I32, 1, cols)) : null));
  }

  /// The type and shape of a part.
  record Size(Dtype dtype, int rows, int cols) {}

  /// Makes an empty weight that a scope owns.
  public static Grouped in(Scope scope, int rows, int cols, Form form) {
    return of(rows, cols, form, s -> scope.tensor(s.dtype, s.rows, s.cols));
  }

  /// A weight without memory, for dry runs.
  public static Grouped dry(int rows, int cols, Form form) {
    return of(rows, cols, form, s -> Tensor.dry(s.dtype, s.rows, s.cols));
  }

  @Override
  public int rows() {
    return few.rows();
  }

  @Override
  public int cols() {
    return few.cols();
  }

  @Override
  public SkinnyProduct.Grouped few() {
    return few;
  }

  @Override
  public List<Tensor> parts() {
    List<Tensor> parts = new ArrayList<>(List.of(few.codes(), few.scales(), few.zeros()));
    @Nullable Tensor order = few.order();
    if (order != null) {
      parts.add(order);
    }
    return parts;
  }

  @Override
  public void make(int from, int to, Tensor out, Workspace ws, Kernels kernels) {
    ws.rows(
        to - from,
        cols(),
        (first, last) ->
            kernels
                .groupedCodes()
                .dequantize(few, from + first, from + last, out.rows(first, last)));
  }
}
