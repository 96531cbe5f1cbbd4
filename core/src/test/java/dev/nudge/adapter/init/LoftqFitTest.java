package dev.nudge.adapter.init;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.adapter.linalg.LoraInit;
import dev.nudge.adapter.linalg.SymmetricEigen;
import dev.nudge.machine.Backend;
import dev.nudge.nn.DenseLinear;
import dev.nudge.nn.Linear;
import dev.nudge.nn.StoredLinear;
import dev.nudge.quant.Nf4Weight;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Holds the start of an adapter against the exact singular values of what quantising lost.
class LoftqFitTest {
  private static final double SCALING = 0.5;

  private final Backend backend = Backends.of(Compute.FP32);
  private final Scope scope = Scope.open("test");

  @AfterEach
  void close() {
    scope.close();
  }

  private Tensor weight(Dtype dtype, int out, int in) {
    Random random = new Random(7);
    Tensor w = scope.tensor(dtype, out, in);
    for (long i = 0; i < w.elements(); i++) {
      w.put(i, 0.02 * random.nextGaussian() * (i % 37 == 0 ? 5 : 1));
    }
    return w;
  }

  private Linear quantised(Tensor w) {
    return StoredLinear.of(
        Nf4Weight.quantize(w, true, scope, backend.kernels()), null, backend.compute());
  }

  private record Started(Tensor a, Tensor b) {
    double[][] delta() {
      double[][] sum = new double[b.rows()][a.cols()];
      for (int i = 0; i < b.rows(); i++) {
        for (int j = 0; j < a.cols(); j++) {
          for (int r = 0; r < a.rows(); r++) {
            sum[i][j] += SCALING * b.get(i, r) * a.get(r, j);
          }
        }
      }
      return sum;
    }
  }

  private Started start(Linear base, Tensor original, int rank) {
    return start(base, original, rank, 16 << 20);
  }

  private Started start(Linear base, Tensor original, int rank, long blockBytes) {
    Tensor a = scope.tensor(Dtype.F32, rank, base.in());
    Tensor b = scope.tensor(Dtype.F32, base.out(), rank);
    LoraInit.fill(a, 3, "path");
    try (LoftqFit fit = new LoftqFit(List.of(base), rank, backend, blockBytes)) {
      fit.fill(base, List.of(original), SCALING, a, b);
    }
    return new Started(a, b);
  }

  private double[][] lost(Linear base, Tensor original) {
    double[][] e = new double[base.out()][base.in()];
    Tensor held = scope.tensor(Dtype.F32, base.out(), base.in());
    try (Workspace ws = new Workspace(0, 1 << 20, Gemm.plain())) {
      Tensor whole = base.weight(ws, backend.kernels());
      backend.kernels().elementwise().copy(whole, held);
    }
    for (int i = 0; i < e.length; i++) {
      for (int j = 0; j < e[i].length; j++) {
        e[i][j] = original.get(i, j) - held.get(i, j);
      }
    }
    return e;
  }

  private static double energy(double[][] m) {
    double sum = 0;
    for (double[] row : m) {
      for (double x : row) {
        sum += x * x;
      }
    }
    return sum;
  }

  private static double[][] minus(double[][] a, double[][] b) {
    double[][] c = new double[a.length][a[0].length];
    for (int i = 0; i < c.length; i++) {
      for (int j = 0; j < c[i].length; j++) {
        c[i][j] = a[i][j] - b[i][j];
      }
    }
    return c;
  }

  /// The squares of the singular values beyond the rank: what the best matrix of that rank leaves.
  private static double least(double[][] e, int rank) {
    int n = e[0].length;
    double[][] gram = new double[n][n];
    for (double[] row : e) {
      for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
          gram[i][j] += row[i] * row[j];
        }
      }
    }
    double[] values = SymmetricEigen.of(gram).values();
    double left = 0;
    for (int i = rank; i < n; i++) {
      left += Math.max(0, values[i]);
    }
    return left;
  }

  @ParameterizedTest
  @CsvSource({"F32,64,48,4", "BF16,96,128,16", "F16,50,70,8", "BF16,33,65,1", "F32,160,64,32"})
  void comesCloseToTheBestOfItsRank(Dtype dtype, int out, int in, int rank) {
    Tensor w = weight(dtype, out, in);
    Linear base = quantised(w);
    double[][] lost = lost(base, w);
    double left = energy(minus(lost, start(base, w, rank).delta()));
    double least = least(lost, rank);
    assertThat(left).isBetween(0.999 * least, energy(lost));
    assertThat(energy(lost) - left).isGreaterThan(0.98 * (energy(lost) - least));
  }

  @Test
  void aWeightThatIsMadeInPiecesGivesTheSame() {
    Tensor w = weight(Dtype.BF16, 250, 72);
    Linear base = quantised(w);
    double[][] whole = start(base, w, 8).delta();
    assertThat(base.rowsOf(100 * 72 * 4, Dtype.F32)).isBetween(8, 100); // the last piece is short
    double[][] pieces = start(base, w, 8, 100 * 72 * 4).delta();
    assertThat(energy(minus(whole, pieces))).isLessThan(1e-9 * energy(whole));
  }

  @Test
  void ofFullRankLosesNothing() {
    Tensor w = weight(Dtype.F32, 24, 64);
    Linear base = quantised(w);
    double[][] lost = lost(base, w);
    Started started = start(base, w, 30); // six more than there are directions
    assertThat(energy(minus(lost, started.delta()))).isLessThan(1e-9 * energy(lost));
    Tensor fresh = scope.tensor(Dtype.F32, 30, 64);
    LoraInit.fill(fresh, 3, "path");
    for (int r = 24; r < 30; r++) { // those can still learn
      for (int j = 0; j < 64; j++) {
        assertThat(started.a.get(r, j)).isEqualTo(fresh.get(r, j));
      }
      for (int i = 0; i < 24; i++) {
        assertThat(started.b.get(i, r)).isZero();
      }
    }
  }

  @Test
  void whereNothingIsLostTheAdapterBeginsAtZero() {
    Tensor w = weight(Dtype.F32, 20, 30);
    Started started = start(DenseLinear.of(w, null), w, 4);
    assertThat(energy(started.delta())).isZero();
    Tensor fresh = scope.tensor(Dtype.F32, 4, 30);
    LoraInit.fill(fresh, 3, "path");
    for (long i = 0; i < fresh.elements(); i++) {
      assertThat(started.a.at(i)).isEqualTo(fresh.at(i));
    }
  }

  @Test
  void theSameWeightsGiveTheSameNumbers() {
    Tensor w = weight(Dtype.BF16, 40, 72);
    Linear base = quantised(w);
    Started one = start(base, w, 8);
    Started two = start(base, w, 8);
    assertThat(one.a.data().mismatch(two.a.data())).isEqualTo(-1);
    assertThat(one.b.data().mismatch(two.b.data())).isEqualTo(-1);
  }
}
