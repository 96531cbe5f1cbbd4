package dev.nudge.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Seeds;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A causal convolution against its definition, and its gradients against finite differences.
class CausalConvolutionTest {
  private static Tensor draw(Scope scope, int rows, int cols, Random random) {
    Tensor t = scope.tensor(Dtype.F64, rows, cols);
    for (int i = 0; i < rows * cols; i++) {
      t.put(i, random.nextGaussian());
    }
    return t;
  }

  @ParameterizedTest
  @CsvSource({"1, 2, 1", "2, 4, 3", "3, 4, 5", "17, 3, 7", "40, 4, 2"})
  void aPassInPiecesEqualsTheDefinitionAndGradientsTheDifferences(int rows, int taps, int cols) {
    Random random = new Random(Seeds.next());
    try (Scope scope = Scope.open("test")) {
      Tensor x = draw(scope, rows, cols, random);
      Tensor w = draw(scope, 1, taps * cols, random);
      Tensor bias = draw(scope, 1, cols, random);
      Tensor dy = draw(scope, rows, cols, random);
      Tensor y = scope.tensor(Dtype.F64, rows, cols);
      Tensor state = scope.tensor(Dtype.F64, taps - 1, cols);
      for (int from = 0; from < rows; ) { // pieces of 1 to 5 rows, with the state between them
        int to = Math.min(rows, from + 1 + random.nextInt(5));
        CausalConvolution.forward(x.rows(from, to), state, w, bias, y.rows(from, to), 0, to - from);
        CausalConvolution.state(x.rows(from, to), state, to - from, state);
        from = to;
      }
      for (int t = 0; t < rows; t++) {
        for (int c = 0; c < cols; c++) {
          double sum = bias.get(0, c);
          for (int j = 0; j < taps; j++) {
            int s = t - taps + 1 + j;
            sum += s < 0 ? 0 : w.get(0, (long) c * taps + j) * x.get(s, c);
          }
          assertThat(y.get(t, c)).isCloseTo(sum, within(1e-13));
        }
      }
      Tensor dx = scope.tensor(Dtype.F64, rows, cols);
      Tensor dw = scope.tensor(Dtype.F64, 1, taps * cols);
      CausalConvolution.backward(dy, w, dx);
      CausalConvolution.gradient(x, dy, dw);
      for (Tensor[] each : new Tensor[][] {{x, dx}, {w, dw}}) {
        for (int i = 0; i < each[0].elements(); i++) {
          double was = each[0].at(i);
          each[0].put(i, was + 0.5);
          double above = loss(x, w, bias, y, dy);
          each[0].put(i, was - 0.5);
          double below = loss(x, w, bias, y, dy);
          each[0].put(i, was);
          assertThat(each[1].at(i)).isCloseTo(above - below, within(1e-11)); // it is linear in each
        }
      }
    }
  }

  private static double loss(Tensor x, Tensor w, Tensor bias, Tensor y, Tensor dy) {
    CausalConvolution.forward(x, null, w, bias, y, 0, x.rows());
    double sum = 0;
    for (int i = 0; i < y.elements(); i++) {
      sum += y.at(i) * dy.at(i);
    }
    return sum;
  }
}
