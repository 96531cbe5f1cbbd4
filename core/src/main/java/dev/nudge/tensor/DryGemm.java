package dev.nudge.tensor;

/// Checks shapes and multiplies nothing.
final class DryGemm implements Gemm {
  @Override
  public void multiply(Tensor a, Tensor b, Tensor c, boolean add) {
    Gemm.check(a, b, c);
  }

  @Override
  public void close() {}
}
