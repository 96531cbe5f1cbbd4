package dev.nudge.quant;

import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.nn.StoredLinear;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.List;

/// A weight in a storage format other than the compute type, made of several tensors.
///
/// Threading: immutable; a scope or the mapped file owns the bytes.
public interface StoredWeight extends StoredLinear.Source {
  /// The tensors of the weight, codes first.
  List<Tensor> parts();

  /// Bytes of all parts.
  default long bytes() {
    return parts().stream().mapToLong(Tensor::bytes).sum();
  }

  /// A weight that is read row by row, into fp32.
  interface ByRows extends StoredWeight, SkinnyProduct.RowReader {
    @Override
    default void make(int from, int to, Tensor out, Workspace ws, Kernels kernels) {
      int mark = ws.mark();
      boolean direct = out.dtype() == Dtype.F32;
      Tensor row = direct ? out : ws.take(Dtype.F32, 1, cols());
      for (int r = from; r < to && !ws.dry(); r++) {
        if (direct) {
          read(r, out.data(), 4L * (r - from) * cols());
        } else {
          read(r, row.data(), 0);
          kernels.elementwise().copy(row, out.rows(r - from, r - from + 1));
        }
      }
      ws.release(mark);
    }
  }
}
