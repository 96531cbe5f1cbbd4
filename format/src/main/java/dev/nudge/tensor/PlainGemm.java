package dev.nudge.tensor;

/// Multiplies in plain Java, sums in double: the reference implementation for other providers.
final class PlainGemm implements Gemm {
  @Override
  public void multiply(Tensor a, Tensor b, Tensor c, boolean add) {
    Gemm.check(a, b, c);
    batch(a, b, c, add, 0, 0, 0, 0);
  }

  private void batch(
      Tensor a, Tensor b, Tensor c, boolean add, int dim, long aOff, long bOff, long cOff) {
    if (dim == c.rank() - 2) {
      product(matrix(a, aOff), matrix(b, bOff), matrix(c, cOff), add);
      return;
    }
    for (long i = 0; i < c.shape(dim); i++) {
      long ia = a.shape(dim) == 1 ? 0 : i;
      long ib = b.shape(dim) == 1 ? 0 : i;
      batch(
          a,
          b,
          c,
          add,
          dim + 1,
          aOff + ia * a.stride(dim),
          bOff + ib * b.stride(dim),
          cOff + i * c.stride(dim));
    }
  }

  private static Tensor matrix(Tensor t, long offset) {
    int n = t.rank();
    return t.view(
        offset,
        new long[] {t.shape(n - 2), t.shape(n - 1)},
        new long[] {t.stride(n - 2), t.stride(n - 1)});
  }

  private static void product(Tensor a, Tensor b, Tensor c, boolean add) {
    int m = a.rows();
    int k = a.cols();
    int n = b.cols();
    double[] bs = new double[k * n]; // b, row-major
    for (int p = 0; p < k; p++) {
      for (int j = 0; j < n; j++) {
        bs[p * n + j] = b.get(p, j);
      }
    }
    double[] row = new double[n];
    for (int i = 0; i < m; i++) {
      java.util.Arrays.fill(row, 0);
      for (int p = 0; p < k; p++) {
        double x = a.get(i, p);
        int at = p * n;
        for (int j = 0; j < n; j++) {
          row[j] += x * bs[at + j];
        }
      }
      for (int j = 0; j < n; j++) {
        c.set(i, j, add ? c.get(i, j) + row[j] : row[j]);
      }
    }
  }

  @Override
  public void close() {}
}
