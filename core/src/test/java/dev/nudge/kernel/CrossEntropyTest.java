package dev.nudge.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Seeds;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Show what cross-entropy does at its edges, in both providers.
class CrossEntropyTest {
  static Stream<Kernels> providers() {
    return Stream.of(Kernels.plain(), Kernels.fastest());
  }

  /// The results of one row.
  private record Row(double logprob, double lse, int argmax) {}

  private static Row forward(Kernels kernels, int target, float... logits) {
    try (Scope scope = Scope.open("cross-entropy")) {
      Tensor z = scope.tensor(Dtype.F32, 1, logits.length);
      for (int i = 0; i < logits.length; i++) {
        z.put(i, logits[i]);
      }
      Tensor t = scope.tensor(Dtype.I32, 1, 1);
      t.put(0, target);
      Tensor logprob = scope.tensor(Dtype.F64, 1, 1);
      Tensor lse = scope.tensor(Dtype.F32, 1, 1);
      Tensor argmax = scope.tensor(Dtype.I32, 1, 1);
      kernels.crossEntropy().forward(z, t, logprob, lse, argmax);
      return new Row(logprob.at(0), lse.at(0), (int) argmax.at(0));
    }
  }

  @ParameterizedTest
  @MethodSource("providers")
  void theFirstOfEqualMaximaIsTaken(Kernels kernels) {
    float[] logits = new float[3000];
    for (int[] peaks : new int[][] {{2999}, {0, 1}, {17, 18, 2000}, {1023, 1024}, {1040, 2990}}) {
      Arrays.fill(logits, -1);
      for (int p : peaks) {
        logits[p] = 3;
      }
      assertThat(forward(kernels, 5, logits).argmax()).isEqualTo(peaks[0]);
    }
  }

  @ParameterizedTest
  @MethodSource("providers")
  void aNanAnywhereGivesNan(Kernels kernels) {
    Random random = new Random(3);
    for (int size : new int[] {1, 7, 16, 33, 1500, 2500}) {
      float[] logits = new float[size];
      for (int nan : new int[] {0, size / 2, size - 1}) {
        for (int i = 0; i < size; i++) {
          logits[i] = (float) random.nextGaussian();
        }
        logits[nan] = Float.NaN;
        Row row = forward(kernels, 0, logits);
        assertThat(row.logprob()).as("size %d NaN at %d", size, nan).isNaN();
        assertThat(row.lse()).isNaN();
      }
    }
  }

  @ParameterizedTest
  @MethodSource("providers")
  void largeLogitsDoNotOverflow(Kernels kernels) {
    Row row = forward(kernels, 1, 3e38f, 3e38f, -3e38f);
    assertThat(row.logprob()).isCloseTo(-Math.log(2), within());
    Row floor = forward(kernels, 0, -1e30f, Float.NEGATIVE_INFINITY, -1e30f);
    assertThat(floor.logprob()).isCloseTo(-Math.log(2), within());
  }

  @ParameterizedTest
  @MethodSource("providers")
  void aConfidentRowKeepsItsDigits(Kernels kernels) {
    double expected = -Math.log1p(Math.exp(-20) + 2 * Math.exp(-23));
    Row row = forward(kernels, 2, 0f, -3f, 20f, -3f);
    assertThat(row.logprob())
        .isCloseTo(expected, org.assertj.core.data.Percentage.withPercentage(1e-4));
  }

  @ParameterizedTest
  @MethodSource("providers")
  void theGradientMayLieOverTheLogits(Kernels kernels) {
    long seed = Seeds.next();
    Random random = new Random(seed);
    int rows = 5;
    int size = 1 + random.nextInt(3000);
    try (Scope scope = Scope.open("cross-entropy")) {
      Tensor z = scope.tensor(Dtype.F32, rows, size);
      Tensor t = scope.tensor(Dtype.I32, rows, 1);
      Tensor lse = scope.tensor(Dtype.F32, rows, 1);
      for (long i = 0; i < z.elements(); i++) {
        z.put(i, random.nextGaussian());
      }
      for (int r = 0; r < rows; r++) {
        t.put(r, random.nextInt(size));
        lse.put(r, 3 + random.nextDouble());
      }
      Tensor apart = scope.tensor(Dtype.BF16, rows, size);
      kernels.crossEntropy().gradient(z, t, lse, 0.5, apart);
      Tensor over = Tensor.of(z.data(), Dtype.BF16, rows, size);
      kernels.crossEntropy().gradient(z, t, lse, 0.5, over);
      for (long i = 0; i < over.elements(); i++) {
        assertThat(over.at(i)).isEqualTo(apart.at(i));
      }
    }
  }

  private static org.assertj.core.data.Offset<Double> within() {
    return org.assertj.core.data.Offset.offset(1e-6);
  }
}
