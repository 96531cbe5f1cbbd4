package dev.nudge.kernel.simd;

import dev.nudge.kernel.DeltaChunks;
import dev.nudge.kernel.DeltaRule;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import org.jspecify.annotations.Nullable;

/// The gated delta rule with the products of [FloatRows].
record VectorDeltaRule(DeltaRule under) implements DeltaRule {
  private static final DeltaRule FLOATS = new DeltaChunks(FloatRows::new);

  private DeltaRule of(Tensor x) {
    return x.dtype() == Dtype.F64 ? under : FLOATS;
  }

  @Override
  public void forward(
      Shape shape, Inputs in, int past, @Nullable State state, Tensor out, int from, int to) {
    of(out).forward(shape, in, past, state, out, from, to);
  }

  @Override
  public void backward(
      Shape shape, Inputs in, Tensor dOut, Gradients to, int keyHead, Workspace ws) {
    of(dOut).backward(shape, in, dOut, to, keyHead, ws);
  }
}
