package dev.nudge.kernel;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;

/// Takes the room that products of few rows take at most, and multiplies nothing.
final class DryFewRows implements FewRows {
  private static final int GRAIN = 64; // at least what any provider pads rows and columns to

  @Override
  public boolean takes(Weight w, Dtype compute) {
    return true;
  }

  @Override
  public Tensor arranged(Tensor x, Weight w, Workspace ws) {
    return ws.take(Dtype.F32, Math.ceilDiv(x.rows(), 4) * 4, Math.ceilDiv(x.cols(), GRAIN) * GRAIN);
  }

  @Override
  public void multiply(
      Tensor x, Weight w, Dtype compute, int from, int to, Tensor y, boolean add) {}
}
