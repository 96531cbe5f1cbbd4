package dev.nudge.tensor;

/// Checks shapes, multiplies nothing and counts what it would have done.
final class DryGemm implements Gemm {
  private double operations;

  @Override
  public void multiply(Tensor a, Tensor b, Tensor c, boolean add) {
    Gemm.check(a, b, c);
    operations += 2.0 * c.elements() * a.shape(a.rank() - 1);
  }

  /// Floating-point operations of all products so far, a multiply-add as 2.
  double operations() {
    return operations;
  }

  /// Sets what was counted so far.
  void operations(double all) {
    operations = all;
  }

  /// Returns true: room for packed factors is counted, whatever will be done with it.
  @Override
  public boolean packs() {
    return true;
  }

  @Override
  public void close() {}
}
