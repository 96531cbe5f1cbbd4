package dev.nudge.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Seeds;
import dev.nudge.Torch;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// The gated delta rule by chunks against its definition, a step for each row, and against
/// autograd through these steps in float64.
class DeltaRuleTest {
  private static final DeltaRule.Shape[] SHAPES = {
    new DeltaRule.Shape(1, 1, 2, 3),
    new DeltaRule.Shape(2, 4, 16, 24),
    new DeltaRule.Shape(2, 2, 20, 5),
    new DeltaRule.Shape(1, 3, 32, 70)
  };

  private final long seed = Seeds.next();
  private final Random random = new Random(seed);

  private Tensor draw(Scope scope, Dtype type, int rows, int cols) {
    Tensor t = scope.tensor(type, rows, cols + 3).cols(1, cols + 1);
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < cols; c++) {
        t.set(r, c, random.nextGaussian());
      }
    }
    return t;
  }

  private DeltaRule.Inputs inputs(Scope scope, DeltaRule.Shape s, Dtype type, int rows) {
    Tensor decay = draw(scope, type, 1, s.valueHeads());
    for (int h = 0; h < s.valueHeads(); h++) {
      decay.set(0, h, decay.get(0, h) * 3 - 1); // heads that forget at once, others remember long
    }
    return new DeltaRule.Inputs(
        draw(scope, type, rows, s.columns()),
        draw(scope, type, rows, s.valueHeads()),
        draw(scope, type, rows, s.valueHeads()),
        decay,
        draw(scope, type, 1, s.valueHeads()));
  }

  static List<Arguments> cases() {
    List<Arguments> all = new ArrayList<>();
    int[] rows = {1, 2, 63, 64, 65, 127, 128, 129, 200};
    for (int i = 0; i < rows.length; i++) {
      all.add(Arguments.of(i % SHAPES.length, rows[i]));
      all.add(Arguments.of((i + 2) % SHAPES.length, rows[i]));
    }
    return all;
  }

  private static org.bytedeco.pytorch.Tensor cut(
      org.bytedeco.pytorch.Tensor t, int row, int from, int to) {
    return t.narrow(0, row, 1).narrow(1, from, to - from);
  }

  private static org.bytedeco.pytorch.Tensor unit(org.bytedeco.pytorch.Tensor x) {
    return x.mul(x.square().sum().add(Torch.scalar(1e-6)).rsqrt());
  }

  /// The definition, a step for each row.
  private static org.bytedeco.pytorch.Tensor steps(
      DeltaRule.Shape s, List<org.bytedeco.pytorch.Tensor> in, int rows) {
    TensorVector heads = new TensorVector();
    for (int h = 0; h < s.valueHeads(); h++) {
      int key = h / (s.valueHeads() / s.keyHeads());
      var state = torch.zeros(s.keyDim(), s.valueDim()).to(torch.ScalarType.Double);
      var rate = in.get(3).narrow(1, h, 1).exp();
      TensorVector outputs = new TensorVector();
      for (int t = 0; t < rows; t++) {
        var q = unit(cut(in.get(0), t, key * s.keyDim(), (key + 1) * s.keyDim()));
        var k =
            unit(
                cut(
                    in.get(0),
                    t,
                    (s.keyHeads() + key) * s.keyDim(),
                    (s.keyHeads() + key + 1) * s.keyDim()));
        int at = 2 * s.keyHeads() * s.keyDim() + h * s.valueDim();
        var v = cut(in.get(0), t, at, at + s.valueDim());
        var a = cut(in.get(1), t, h, h + 1).add(in.get(4).narrow(1, h, 1));
        var gamma = a.exp().log1p().mul(rate).neg().exp();
        var beta = cut(in.get(2), t, h, h + 1).sigmoid();
        state = state.mul(gamma);
        var u = v.sub(k.matmul(state)).mul(beta);
        state = state.add(k.transpose(0, 1).matmul(u));
        outputs.push_back(q.matmul(state).mul(Torch.scalar(1 / Math.sqrt(s.keyDim()))));
      }
      heads.push_back(torch.cat(outputs, 0));
    }
    return torch.cat(heads, 1);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void chunksEqualStepsAndTheirGradients(int which, int rows) {
    Torch.assume();
    DeltaRule.Shape s = SHAPES[which];
    try (Scope scope = Scope.open("delta rule");
        PointerScope pointers = new PointerScope()) {
      DeltaRule.Inputs in = inputs(scope, s, Dtype.F64, rows);
      var leaves =
          List.of(
              Torch.leaf(in.mixed()),
              Torch.leaf(in.a()),
              Torch.leaf(in.b()),
              Torch.leaf(in.decay()),
              Torch.leaf(in.bias()));
      var expected = steps(s, leaves, rows);
      Tensor out = draw(scope, Dtype.F64, rows, s.outputs());
      Tensor dOut = draw(scope, Dtype.F64, rows, s.outputs());
      Kernels.plain().deltaRule().forward(s, in, 0, null, out, 0, s.keyHeads());
      assertThat(Torch.difference(out, expected)).isLessThan(1e-10);
      expected.mul(Torch.of(dOut)).sum().backward();
      DeltaRule.Gradients to =
          new DeltaRule.Gradients(
              draw(scope, Dtype.F64, rows, s.columns()),
              draw(scope, Dtype.F64, rows, s.valueHeads()),
              draw(scope, Dtype.F64, rows, s.valueHeads()),
              scope.tensor(Dtype.F64, 1, s.valueHeads()),
              scope.tensor(Dtype.F64, 1, s.valueHeads()));
      long bytes = DeltaRule.backwardBytes(s, rows, Dtype.F64);
      try (Workspace ws = new Workspace(0, bytes + 4096, Gemm.plain())) {
        for (int head = 0; head < s.keyHeads(); head++) {
          int mark = ws.mark();
          Kernels.plain().deltaRule().backward(s, in, dOut, to, head, ws);
          ws.release(mark);
        }
      }
      List<Tensor> got = List.of(to.mixed(), to.a(), to.b(), to.decay(), to.bias());
      for (int i = 0; i < got.size(); i++) {
        assertThat(Torch.difference(got.get(i), leaves.get(i).grad()))
            .as("gradient " + i)
            .isLessThan(1e-9);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3})
  void theFastRuleIsWithinRoundingAndTakesAnyPiecesWithTheSameBits(int which) {
    DeltaRule.Shape s = SHAPES[which];
    int rows = 150;
    Kernels fast = Kernels.fastest();
    for (Kernels kernels : List.of(fast, Kernels.plain())) {
      for (Dtype type : List.of(Dtype.F32, Dtype.BF16)) {
        try (Scope scope = Scope.open("delta rule")) {
          DeltaRule.Inputs in = inputs(scope, s, type, rows);
          Tensor whole = scope.tensor(type, rows, s.outputs());
          kernels.deltaRule().forward(s, in, 0, null, whole, 0, s.keyHeads());
          Tensor exact = scope.tensor(Dtype.F64, rows, s.outputs());
          Kernels.plain().deltaRule().forward(s, inF64(scope, in), 0, null, exact, 0, s.keyHeads());
          double bound = type == Dtype.F32 ? 2e-6 : 2e-2;
          Tensor pieces = scope.tensor(type, rows, s.outputs());
          DeltaRule.State state = state(scope, s);
          for (int from = 0, to; from < rows; from = to) {
            to = Math.min(rows, from + 1 + random.nextInt(random.nextBoolean() ? 2 : 70));
            DeltaRule.Inputs part =
                new DeltaRule.Inputs(
                    in.mixed().rows(from, to),
                    in.a().rows(from, to),
                    in.b().rows(from, to),
                    in.decay(),
                    in.bias());
            Tensor own = pieces.rows(from, to);
            kernels.deltaRule().forward(s, part, from, state, own, 0, s.keyHeads());
          }
          double worst = 0;
          int differ = 0;
          for (int r = 0; r < rows; r++) {
            for (int c = 0; c < s.outputs(); c++) {
              double is = whole.get(r, c);
              differ += pieces.get(r, c) == is ? 0 : 1;
              worst = Math.max(worst, Math.abs(is - exact.get(r, c)) / (1 + Math.abs(is)));
            }
          }
          assertThat(differ).as(kernels.name() + type).isZero();
          assertThat(worst).as(kernels.name() + type).isLessThan(bound);
          System.out.println("delta rule " + kernels.name() + " " + type + " within " + worst);
        }
      }
    }
  }

  private static DeltaRule.State state(Scope scope, DeltaRule.Shape s) {
    return new DeltaRule.State(
        scope.tensor(Dtype.F32, s.valueHeads() * s.keyDim(), s.valueDim()),
        scope.tensor(Dtype.F32, s.keyHeads() * s.keyDim(), DeltaRule.CHUNK),
        scope.tensor(Dtype.F32, s.valueHeads() * DeltaRule.CHUNK, s.valueDim()),
        scope.tensor(Dtype.F64, s.valueHeads(), 1 + DeltaRule.CHUNK));
  }

  private static DeltaRule.Inputs inF64(Scope scope, DeltaRule.Inputs in) {
    return new DeltaRule.Inputs(
        f64(scope, in.mixed()),
        f64(scope, in.a()),
        f64(scope, in.b()),
        f64(scope, in.decay()),
        f64(scope, in.bias()));
  }

  private static Tensor f64(Scope scope, Tensor t) {
    Tensor to = scope.tensor(Dtype.F64, t.rows(), t.cols());
    Kernels.plain().elementwise().copy(t, to);
    return to;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 63, 64, 130})
  void theFastGradientsAreWithinRounding(int rows) {
    DeltaRule.Shape s = SHAPES[1];
    try (Scope scope = Scope.open("delta rule");
        Workspace ws = new Workspace(0, 1 << 20, Gemm.plain())) {
      DeltaRule.Inputs in = inputs(scope, s, Dtype.F32, rows);
      Tensor dOut = draw(scope, Dtype.F32, rows, s.outputs());
      DeltaRule.Inputs exact = inF64(scope, in);
      Tensor exactOut = f64(scope, dOut);
      // in place, as a layer does it
      DeltaRule.Gradients to = new DeltaRule.Gradients(in.mixed(), in.a(), in.b(), null, null);
      DeltaRule.Gradients wanted =
          new DeltaRule.Gradients(exact.mixed(), exact.a(), exact.b(), null, null);
      for (int head = s.keyHeads() - 1; head >= 0; head--) {
        int mark = ws.mark();
        Kernels.fastest().deltaRule().backward(s, in, dOut, to, head, ws);
        ws.release(mark);
        Kernels.plain().deltaRule().backward(s, exact, exactOut, wanted, head, ws);
        ws.release(mark);
      }
      double worst = 0;
      for (Tensor[] each :
          new Tensor[][] {
            {to.mixed(), wanted.mixed()}, {to.a(), wanted.a()}, {to.b(), wanted.b()}
          }) {
        for (int r = 0; r < rows; r++) {
          for (int c = 0; c < each[0].cols(); c++) {
            double is = each[1].get(r, c);
            worst = Math.max(worst, Math.abs(each[0].get(r, c) - is) / (1 + Math.abs(is)));
          }
        }
      }
      assertThat(worst).isLessThan(2e-5);
      System.out.println("delta rule gradients within " + worst);
    }
  }
}
