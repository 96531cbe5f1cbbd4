package dev.nudge.bench;

import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Team;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;

/// Measures how fast threads read uncached memory: a product of one row with an fp32 matrix does
/// two operations for four bytes.
final class Bandwidth {
  private static final int COLS = 4096;
  private static final int ROWS = 32768; // 512 MB

  private Bandwidth() {}

  /// Returns the bytes a second of all threads, the best of 12 sweeps.
  static double read(int threads) {
    SkinnyProduct few = Kernels.fastest().fewRows();
    try (Scope scope = Scope.open("bandwidth");
        Team team = new Team(threads);
        Workspace ws = new Workspace(0, 1 << 20, Gemm.plain())) {
      SkinnyProduct.Dense all = new SkinnyProduct.Dense(scope.tensor(Dtype.F32, ROWS, COLS));
      Tensor x = few.arranged(scope.tensor(Dtype.F32, 1, COLS), all, ws);
      Tensor y = scope.tensor(Dtype.F32, 1, ROWS);
      double best = 0;
      for (int sweep = 0; sweep < 12; sweep++) {
        long start = System.nanoTime();
        int piece = 512;
        team.each(
            ROWS / piece,
            i -> few.multiply(x, all, Dtype.F32, i * piece, (i + 1) * piece, y, false));
        best = Math.max(best, all.bytes() / ((System.nanoTime() - start) / 1e9));
      }
      return best;
    }
  }
}
