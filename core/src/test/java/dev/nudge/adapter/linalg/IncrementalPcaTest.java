package dev.nudge.adapter.linalg;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Backends;
import dev.nudge.Seeds;
import dev.nudge.machine.Backend;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Holds principal components of batches, and singular directions, against exact decompositions.
class IncrementalPcaTest {
  private static final int WIDTH = 23;
  private static final int K = 6;

  private final Backend backend = Backends.of(Compute.FP32);
  private final Random random = new Random(Seeds.next());

  /// Rows that vary in few directions, around a mean far from zero.
  private Tensor rows(int n, Scope scope) {
    Tensor x = scope.tensor(Dtype.F32, n, WIDTH);
    double[][] directions = new double[K][WIDTH];
    Random fixed = new Random(3);
    for (double[] direction : directions) {
      for (int c = 0; c < WIDTH; c++) {
        direction[c] = fixed.nextGaussian();
      }
    }
    for (int r = 0; r < n; r++) {
      for (int c = 0; c < WIDTH; c++) {
        x.set(r, c, 3 + 0.01 * random.nextGaussian());
      }
      for (int k = 0; k < K; k++) {
        double by = random.nextGaussian() * Math.pow(2, -k);
        for (int c = 0; c < WIDTH; c++) {
          x.set(r, c, x.get(r, c) + by * directions[k][c]);
        }
      }
    }
    return x;
  }

  @Test
  void batchesSpanWhatAllRowsTogetherSpan() {
    int n = 120;
    try (Scope scope = Scope.open("pca")) {
      Tensor x = rows(n, scope);
      IncrementalPca pca = new IncrementalPca(WIDTH, K, backend, 1, scope);
      for (int from = 0; from < n; from += 20) {
        pca.add(x, IntStream.range(from, from + 20).toArray());
      }
      SymmetricEigen exact = SymmetricEigen.of(scatter(x));
      double all = 0;
      for (double value : exact.values()) {
        all += value;
      }
      for (int k = 0; k < K; k++) {
        assertThat(pca.shares()[k]).isCloseTo(exact.values()[k] / all, within(2e-3));
        double cosine = 0;
        for (int c = 0; c < WIDTH; c++) {
          cosine += pca.components().get(k, c) * exact.vectors()[c][k];
        }
        assertThat(Math.abs(cosine)).as("component %d", k).isGreaterThan(0.99);
      }
    }
  }

  @Test
  void theSameRowsAgainLeaveTheComponentsAsTheyAre() {
    try (Scope scope = Scope.open("pca")) {
      Tensor x = rows(40, scope);
      IncrementalPca pca = new IncrementalPca(WIDTH, K, backend, 1, scope);
      int[] all = IntStream.range(0, 40).toArray();
      pca.add(x, all);
      assertThat(pca.least()).isLessThan(0.5);
      pca.add(x, all);
      assertThat(pca.least()).isGreaterThan(0.999);
    }
  }

  private static double[][] scatter(Tensor x) {
    double[] mean = new double[WIDTH];
    for (int r = 0; r < x.rows(); r++) {
      for (int c = 0; c < WIDTH; c++) {
        mean[c] += x.get(r, c) / x.rows();
      }
    }
    double[][] scatter = new double[WIDTH][WIDTH];
    for (int r = 0; r < x.rows(); r++) {
      for (int i = 0; i < WIDTH; i++) {
        for (int j = 0; j < WIDTH; j++) {
          scatter[i][j] += (x.get(r, i) - mean[i]) * (x.get(r, j) - mean[j]);
        }
      }
    }
    return scatter;
  }

  /// Flat spectra and more than 256 on the smaller side too, where not all directions are taken.
  @ParameterizedTest
  @CsvSource({"40, 30, 5", "30, 40, 30", "300, 270, 4"})
  void exactIterationEndsAtTheLargestSingularValues(int out, int in, int rank) {
    int k = SubspaceIteration.exact(rank, out, in);
    try (Scope scope = Scope.open("svd");
        Workspace ws = new Workspace(0, 16 << 20, backend.gemms().apply(1))) {
      Tensor w = scope.tensor(Dtype.F32, out, in);
      for (long i = 0; i < w.elements(); i++) {
        w.put(i, random.nextGaussian());
      }
      SubspaceIteration iteration = new SubspaceIteration(out, in, k, ws, backend.kernels());
      SymmetricEigen found = iteration.run(each -> each.take(w, 0), rank, 0);
      double[][] gram = new double[in][in];
      for (int i = 0; i < in; i++) {
        for (int j = 0; j <= i; j++) {
          double sum = 0;
          for (int r = 0; r < out; r++) {
            sum += w.get(r, i) * w.get(r, j);
          }
          gram[i][j] = sum;
          gram[j][i] = sum;
        }
      }
      double[] exact = SymmetricEigen.of(gram).values();
      for (int i = 0; i < Math.min(rank, Math.min(in, out)); i++) {
        assertThat(found.values()[i]).isCloseTo(exact[i], within(2e-4 * exact[0]));
      }
    }
  }
}
