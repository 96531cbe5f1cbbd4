package dev.nudge.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.kernel.Kernels;
import dev.nudge.quant.Nf4Weight;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// A layer that is kept in another form computes what a dense layer with the weight made of it
/// does.
class StoredLinearTest {
  static Tensor draw(Scope scope, Dtype dtype, int rows, int cols, Random random) {
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
      Linear four = StoredLinear.of(weight, bias, c);
      Tensor dense = scope.tensor(c, 33, 45);
      weight.make(0, 33, dense, ws, kernels);
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

  /// Rows from any multiple of the grain on are those of the whole, and a product by blocks of them
  /// is the product.
  @ParameterizedTest
  @CsvSource({"45, 64", "48, 4", "64, 1", "96, 2", "1, 64", "34, 32"})
  void aWeightComesInBlocksOfRows(int cols, int grain) {
    int rows = 150;
    try (Scope scope = Scope.open("test");
        Workspace ws = new Workspace(0, 1 << 20, Gemm.plain())) {
      Kernels kernels = Kernels.fastest();
      Tensor matrix = draw(scope, Dtype.BF16, rows, cols, new Random(cols));
      Tensor bias = draw(scope, Dtype.F32, 1, rows, new Random(2));
      Tensor x = draw(scope, Dtype.F32, 7, cols, new Random(1));
      Pass p =
          new Pass(null, Segments.of(new int[] {7}, new long[] {0}, ws), ws, kernels, Dropout.NONE);
      for (StoredLinear.Source source :
          List.of(
              Nf4Weight.quantize(matrix, true, scope, kernels),
              Nf4Weight.quantize(matrix, false, scope, kernels),
              StoredLinear.source(matrix))) {
        Linear whole = StoredLinear.of(source, bias, Dtype.F32);
        Linear parts = StoredLinear.ofRows(source, bias, Dtype.F32, 70L * cols * 4);
        assertThat(whole.grain()).isEqualTo(source instanceof Nf4Weight ? grain : 1);
        assertThat(parts.rowsOf(70L * cols * 4, Dtype.F32)).as("a multiple of 64").isEqualTo(64);
        assertThat(parts.rowsOf(1, Dtype.F32)).isEqualTo(parts.grain());
        assertThat(parts.rowsOf(Long.MAX_VALUE, Dtype.F32)).isEqualTo(rows);
        int mark = ws.mark();
        Tensor all = whole.weight(ws, kernels);
        for (int from = 0; from < rows; from += whole.grain()) {
          for (int to : new int[] {from + 1, Math.min(from + 65, rows), rows}) {
            int inner = ws.mark();
            Tensor part = parts.weight(from, to, ws, kernels);
            assertThat(part.data().mismatch(all.rows(from, to).data())).isEqualTo(-1);
            ws.release(inner);
          }
        }
        ws.release(mark);
        Tensor[] y = {scope.tensor(Dtype.F32, 7, rows), scope.tensor(Dtype.F32, 7, rows)};
        whole.forward(x, y[0], p);
        parts.forward(x, y[1], p);
        assertThat(ws.mark()).isEqualTo(mark);
        assertThat(y[1].data().mismatch(y[0].data())).isEqualTo(-1); // one sum after the other
      }
      Nf4Weight weight = Nf4Weight.quantize(matrix, true, scope, kernels);
      if (grain > 1) {
        assertThatThrownBy(() -> weight.make(1, 2, x.rows(0, 1), ws, kernels))
            .hasMessage("row 1 is no multiple of " + grain);
      }
    }
  }

  /// The second part's rows begin at 30 of all, no multiple of its grain.
  @ParameterizedTest
  @CsvSource({"45, 64", "48, 4", "96, 2"})
  void rowsOfJoinedLayersAreThoseOfTheParts(int cols, int grain) {
    try (Scope scope = Scope.open("test");
        Workspace ws = new Workspace(0, 1 << 20, Gemm.plain())) {
      Kernels kernels = Kernels.fastest();
      Linear[] parts = new Linear[2];
      Tensor all = scope.tensor(Dtype.F32, 61, cols);
      for (int i = 0; i < 2; i++) {
        Tensor matrix = draw(scope, Dtype.F32, i == 0 ? 30 : 31, cols, new Random(i));
        Nf4Weight weight = Nf4Weight.quantize(matrix, true, scope, kernels);
        weight.make(0, weight.rows(), all.rows(30 * i, 30 * i + weight.rows()), ws, kernels);
        parts[i] = StoredLinear.of(weight, null, Dtype.F32);
      }
      Linear joined = JoinedLinear.of(parts);
      assertThat(joined.grain()).isEqualTo(grain);
      for (int from = 0; from < 61; from += grain) {
        for (int to = from + 1; to <= 61; to++) {
          ws.reset();
          Tensor rows = joined.weight(from, to, ws, kernels);
          assertThat(rows.data().mismatch(all.rows(from, to).data())).isEqualTo(-1);
        }
      }
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
      }
    }
  }
}
