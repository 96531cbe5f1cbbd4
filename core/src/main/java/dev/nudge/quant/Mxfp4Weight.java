package dev.nudge.quant;

import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.List;

/// A weight (rows, cols) in [dev.nudge.kernel.Mxfp4].
///
/// Threading: immutable; the bytes are owned by the mapping they lie in.
record Mxfp4Weight(SkinnyProduct.Powers few) implements StoredWeight {
  @Override
  public int rows() {
    return few.rows();
  }

  @Override
  public int cols() {
    return few.cols();
  }

  @Override
  public List<Tensor> parts() {
    return List.of(few.codes(), few.powers());
  }

  @Override
  public void make(int from, int to, Tensor out, Workspace ws, Kernels kernels) {
    if (!ws.dry()) {
      kernels.groupedCodes().dequantize(few, from, to, out);
    }
  }
}
