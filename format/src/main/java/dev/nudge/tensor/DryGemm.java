package dev.nudge.tensor;

/// Checks shapes and counts floating-point operations, and multiplies nothing: for dry runs.
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

  /// Overwrites the count of operations.
  void operations(double all) {
    operations = all;
  }

  /// Returns true: memory for packed factors is always counted, whether or not it is used.
  @Override
  public boolean packs() {
    return true;
  }

  @Override
  public void close() {}
}
