package dev.nudge.quant;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.kernel.Kernels;
import dev.nudge.nn.DenseLinear;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.Linear;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Segments;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// A layer in four bits computes what a dense layer with its dequantised weight computes.
class Nf4LinearTest {
  private static Tensor draw(Scope scope, Dtype dtype, int rows, int cols, Random random) {
    Tensor t = scope.tensor(dtype, rows, cols);
    for (long i = 0; i < t.elements(); i++) {
      t.put(i, random.nextGaussian());
    }
    return t;
  }

  @ParameterizedTest
  @EnumSource(
      value = Dtype.class,
      names = {"F64", "F32", "BF16"})
  void bothPassesGiveTheBytesOfTheDequantisedWeight(Dtype c) {
    Random random = new Random(3);
    try (Scope scope = Scope.open("test");
        Workspace ws = new Workspace(0, 1 << 20, Gemm.plain())) {
      Kernels kernels = Kernels.fastest();
      Tensor source = draw(scope, Dtype.BF16, 33, 45, random);
      Tensor bias = draw(scope, c, 1, 33, random);
      Nf4Weight weight = Nf4Weight.quantize(source, true, scope, kernels);
      Linear four = Nf4Linear.of(weight, bias, c);
      Tensor dense = scope.tensor(c, 33, 45);
      weight.dequantize(dense, ws, kernels);
      Linear same = DenseLinear.of(dense, bias);
      Pass p =
          new Pass(null, Segments.of(new int[] {7}, new long[] {0}, ws), ws, kernels, Dropout.NONE);
      Tensor x = draw(scope, c, 7, 45, random);
      Tensor dy = draw(scope, c, 7, 33, random);
      for (boolean add : new boolean[] {false, true}) {
        Tensor[] y = {scope.tensor(c, 7, 33), scope.tensor(c, 7, 33)};
        Tensor[] dx = {scope.tensor(c, 7, 45), scope.tensor(c, 7, 45)};
        int mark = ws.mark();
        four.forward(x, y[0], p);
        four.backward(dy, dx[0], add, p);
        assertThat(ws.mark()).as("workspace given back").isEqualTo(mark);
        same.forward(x, y[1], p);
        same.backward(dy, dx[1], add, p);
        assertThat(y[0].data().mismatch(y[1].data())).isEqualTo(-1);
        assertThat(dx[0].data().mismatch(dx[1].data())).isEqualTo(-1);
      }
      assertThat(four.weight(ws, kernels).data().mismatch(dense.data())).isEqualTo(-1);
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Dtype.class,
      names = {"F32", "BF16"})
  void aDryWeightHasTheBytesOfARealOne(Dtype source) {
    try (Scope scope = Scope.open("test")) {
      Tensor x = draw(scope, source, 19, 77, new Random(4));
      for (boolean twice : new boolean[] {false, true}) {
        Nf4Weight real = Nf4Weight.quantize(x, twice, scope, Kernels.plain());
        assertThat(Nf4Weight.dry(19, 77, twice).bytes()).isEqualTo(real.bytes());
        assertThat(Nf4Weight.bytes(19 * 77, twice)).isEqualTo(real.bytes());
      }
    }
  }
}
