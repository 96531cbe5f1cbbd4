package dev.nudge.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Seeds;
import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.quant.Nf4Weight;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Team;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Layers with adapters, computed as one task, have the bits of product, bias and term one after
/// the other.
@Timeout(value = 1800, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class DecodeProductsTest {
  private final Random random = new Random(Seeds.next());

  /// A layer with terms of its own.
  private record Termed(Linear base, List<LowRank> terms) implements LinearWrapper {
    @Override
    public void forward(Tensor x, Tensor y, Pass p) {
      SkinnyProduct kernel = p.kernels().fewRows();
      SkinnyProduct.Weight w = Objects.requireNonNull(base.few());
      int mark = p.ws().mark();
      kernel.multiply(kernel.arranged(x, w, p.ws()), w, x.dtype(), 0, out(), y, false);
      p.ws().release(mark);
      Tensor bias = bias();
      if (bias != null) {
        p.kernels().elementwise().addBias(y, bias);
      }
      terms.forEach(term -> term.add(x, y, p));
    }

    @Override
    public SkinnyProduct.@Nullable Weight few() {
      return base.few();
    }

    @Override
    public void updates(Tensor x, Pass p, List<LowRank> to) {
      to.addAll(terms);
    }

    @Override
    public Gradients backward(Tensor dy, @Nullable Tensor dx, boolean add, Pass p) {
      return Gradients.NONE;
    }

    @Override
    public void parameters(Consumer<Parameter> each) {}
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3})
  void aTaskHasTheBitsOfOneProductAfterTheOther(int threads) {
    for (Kernels kernels : List.of(Kernels.fastest(), Kernels.plain())) {
      for (int i = 0; i < 40; i++) {
        compare(kernels, i % 2 == 0 ? Dtype.BF16 : Dtype.F32, threads);
      }
    }
  }

  private void compare(Kernels kernels, Dtype type, int threads) {
    int rows = 1 + random.nextInt(9);
    int cols = 64 * (1 + random.nextInt(3));
    try (Scope scope = Scope.open("test");
        Team team = new Team(threads);
        Workspace ws = new Workspace(0, 4 << 20, Gemm.plain())) {
      Tensor x = draw(scope, type, rows, cols);
      List<Linear> layers = new ArrayList<>();
      List<Tensor> together = new ArrayList<>();
      for (int i = 0; i < 1 + random.nextInt(3); i++) {
        int out = 1 + random.nextInt(200);
        Tensor bias = random.nextBoolean() ? draw(scope, type, 1, out) : null;
        Tensor dense = draw(scope, type, out, cols);
        Linear base =
            random.nextBoolean()
                ? DenseLinear.of(dense, bias)
                : StoredLinear.of(Nf4Weight.quantize(dense, true, scope, kernels), bias, type);
        layers.add(new Termed(base, terms(scope, type, rows, cols, out)));
        together.add(scope.tensor(type, rows, out));
      }
      Segments segments = Segments.of(new int[] {rows}, new long[1], ws);
      Pass p = new Pass(null, segments, ws, kernels, Dropout.NONE, true, team, null, null);
      int mark = ws.mark();
      assertThat(p.few(x, layers, together)).isTrue();
      assertThat(ws.mark()).as("workspace given back").isEqualTo(mark);
      for (int i = 0; i < layers.size(); i++) {
        Tensor alone = scope.tensor(type, rows, layers.get(i).out());
        layers.get(i).forward(x, alone, p);
        assertThat(together.get(i).data().mismatch(alone.data()))
            .as("%s by %s", x, layers.get(i))
            .isEqualTo(-1);
      }
    }
  }

  /// Terms of some groups of the rows, of ranks that kernels take and of odd ones.
  private List<LowRank> terms(Scope scope, Dtype type, int rows, int cols, int out) {
    List<LowRank> terms = new ArrayList<>();
    for (int from = 0, to; from < rows; from = to) {
      to = from + 1 + random.nextInt(rows - from);
      if (random.nextInt(4) > 0) {
        int rank = random.nextInt(6) > 0 ? 2 * (1 + random.nextInt(40)) : 5;
        Tensor a = draw(scope, type, rank, cols);
        terms.add(new LowRank(from, to, a, 0.7, draw(scope, type, out, rank)));
      }
    }
    return terms;
  }

  private Tensor draw(Scope scope, Dtype type, int rows, int cols) {
    return StoredLinearTest.draw(scope, type, rows, cols, random);
  }

  /// A reduction that fails leaves nobody waiting.
  @Test
  void aFailureIsThrownByTheTask() {
    try (Scope scope = Scope.open("test");
        Team team = new Team(2);
        Workspace ws = new Workspace(0, 1 << 20, Gemm.plain())) {
      Linear base = DenseLinear.of(draw(scope, Dtype.F32, 64, 64), null);
      Tensor wide = draw(scope, Dtype.F32, 8, 80);
      LowRank term = new LowRank(0, 2, wide, 1, draw(scope, Dtype.F32, 64, 8));
      Segments rows = Segments.of(new int[] {2}, new long[1], ws);
      Pass p = new Pass(null, rows, ws, Kernels.plain(), Dropout.NONE, true, team, null, null);
      Tensor x = draw(scope, Dtype.F32, 2, 64);
      Tensor y = scope.tensor(Dtype.F32, 2, 64);
      List<Linear> layers = List.of(new Termed(base, List.of(term)));
      assertThatThrownBy(() -> p.few(x, layers, List.of(y)))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }
}
