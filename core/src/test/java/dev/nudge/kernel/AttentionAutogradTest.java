package dev.nudge.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Seeds;
import dev.nudge.Torch;
import dev.nudge.TorchLlama;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.Random;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Compare blocked attention and the fused head in double with libtorch's autograd in float64:
/// within 1e-10 of the larger of 1 and the largest number, a few hundred units in the last place.
class AttentionAutogradTest {
  private static final double BOUND = 1e-10;

  private final long seed = Seeds.next();
  private final Random random = new Random(seed);

  @BeforeEach
  void torchIsThere() {
    Torch.assume();
  }

  private Tensor draw(Scope scope, int rows, int cols) {
    Tensor t = scope.tensor(Dtype.F64, rows, cols + 5).cols(2, cols + 2);
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < cols; c++) {
        t.set(r, c, random.nextGaussian());
      }
    }
    return t;
  }

  private static void same(String name, Tensor got, org.bytedeco.pytorch.Tensor expected) {
    assertThat(Torch.difference(got, expected)).as(name).isLessThan(BOUND);
  }

  private static Workspace workspace() {
    return new Workspace(0, 32 << 20, Gemm.plain());
  }

  /// Lengths around the blocks of 64 queries, and past 2,048 keys, where blocks are of 32.
  @ParameterizedTest
  @CsvSource({
    "1, 1, 0, 0", "1, 3, 0, 0", "2, 2, 0, 0", "3, 1, 0, 0", "17, 5, 0, 0", "63, 2, 0, 0",
    "64, 1, 0, 0", "65, 3, 0, 0", "127, 1, 0, 0", "128, 2, 0, 0", "129, 4, 0, 0", "200, 1, 0, 0",
    "2100, 2, 0, 0", "1, 1, 1, 0", "17, 2, 1, 0", "17, 2, 17, 0", "65, 3, 7, 0", "200, 2, 64, 0",
    "200, 1, 90, 0", "2200, 1, 40, 0", "2200, 1, 2100, 0", "70, 2, 0, 1.5", "150, 2, 33, 0.7"
  })
  void attentionOfAWholeSequence(int n, int group, int window, double cap) {
    boolean large = n > 300;
    int dim = 2 * (1 + random.nextInt(large ? 1 : 9));
    double scale = window + cap == 0 ? 1 / Math.sqrt(dim) : 0.2 + random.nextDouble();
    var heads = new Attend.Shape(group * (large ? 1 : 2), large ? 1 : 2, dim, scale, window, cap);
    try (Scope scope = Scope.open("autograd");
        PointerScope pointers = new PointerScope();
        Workspace ws = workspace()) {
      Tensor q = draw(scope, n, heads.queryWidth());
      Tensor k = draw(scope, n, heads.keyWidth());
      Tensor v = draw(scope, n, heads.keyWidth());
      Tensor out = draw(scope, n, heads.queryWidth());
      Tensor lse = scope.tensor(Dtype.F64, (long) n * heads.count(), 1);
      Kernels.plain().attend().forward(heads, q, KeyValues.of(k, v), out, lse, ws, Kernels.plain());
      var tq = Torch.leaf(q);
      var tk = Torch.leaf(k);
      var tv = Torch.leaf(v);
      var expected = TorchLlama.attention(heads, tq, tk, tv);
      same("out", out, expected);

      Tensor dOut = draw(scope, n, heads.queryWidth());
      expected.mul(Torch.of(dOut)).sum().backward();
      Tensor dq = draw(scope, n, heads.queryWidth());
      Tensor dk = draw(scope, n, heads.keyWidth());
      Tensor dv = draw(scope, n, heads.keyWidth());
      Kernels.plain()
          .attend()
          .backward(heads, q, k, v, out, lse, dOut, dq, dk, dv, ws, Kernels.plain());
      same("dq", dq, tq.grad());
      same("dk", dk, tk.grad());
      same("dv", dv, tv.grad());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1, 70, 1, 0",
    "5, 9, 3, 0",
    "66, 130, 2, 0",
    "90, 2070, 1, 0",
    "1, 70, 2, 9",
    "66, 130, 2, 20"
  })
  void attentionOfTheLastTokens(int m, int n, int group, int window) {
    var heads = new Attend.Shape(2 * group, 2, 2 * (1 + random.nextInt(4)), 0.4, window, 0);
    try (Scope scope = Scope.open("autograd");
        PointerScope pointers = new PointerScope();
        Workspace ws = workspace()) {
      Tensor q = draw(scope, m, heads.queryWidth());
      Tensor k = draw(scope, n, heads.keyWidth());
      Tensor v = draw(scope, n, heads.keyWidth());
      Tensor out = draw(scope, m, heads.queryWidth());
      Tensor lse = scope.tensor(Dtype.F64, (long) m * heads.count(), 1);
      Kernels.plain().attend().forward(heads, q, KeyValues.of(k, v), out, lse, ws, Kernels.plain());
      same("out", out, TorchLlama.attention(heads, Torch.of(q), Torch.of(k), Torch.of(v)));
    }
  }

  /// A chunk of this vocabulary has 96 rows in double, so there is one, a full and a part, or
  /// three.
  @ParameterizedTest
  @CsvSource({
    "1, 1, 0, false",
    "96, 1, 0, false",
    "97, 1, 0, false",
    "230, 1, 0, false",
    "97, 0.4, 0, true",
    "1, 1, 0, true",
    "230, 1, 0, true",
    "230, 1, 1.5, true"
  })
  void headAndLoss(int rows, double scale, double cap, boolean weighs) {
    HeadLoss.Logits shape = new HeadLoss.Logits(scale, cap);
    int vocabulary = 20_011;
    int width = 1 + random.nextInt(6);
    double weight = 0.01 + random.nextDouble();
    try (Scope scope = Scope.open("autograd");
        PointerScope pointers = new PointerScope();
        Workspace ws = workspace()) {
      Tensor h = draw(scope, rows, width);
      Tensor w = draw(scope, vocabulary, width);
      assertThat(HeadLoss.Weight.of(w).chunk(Dtype.F64)).isEqualTo(96);
      Tensor targets = scope.tensor(Dtype.I32, rows, 1);
      for (int r = 0; r < rows; r++) {
        targets.put(r, random.nextInt(vocabulary));
      }
      Tensor factors = scope.tensor(Dtype.F64, rows, 1);
      double[] counts = new double[rows];
      for (int r = 0; r < rows; r++) { // runs, as messages are
        counts[r] =
            !weighs ? 1 : r > 0 && random.nextInt(9) > 0 ? counts[r - 1] : 3 * random.nextDouble();
        factors.put(r, counts[r]);
      }
      Tensor logprob = scope.tensor(Dtype.F64, rows, 1);
      Tensor dh = draw(scope, rows, width);
      Tensor dW = draw(scope, vocabulary, width);
      var before = Torch.of(dW);
      HeadLoss.train(
          h,
          HeadLoss.Weight.of(w, shape),
          targets,
          weight,
          weighs ? counts : null,
          logprob,
          dh,
          HeadLoss.Beside.of(lane -> dW),
          ws,
          Kernels.plain());
      var th = Torch.leaf(h);
      var tw = Torch.leaf(w);
      var logits = th.matmul(tw.t()).mul(Torch.scalar(scale));
      if (cap > 0) {
        logits = logits.div(Torch.scalar(cap)).tanh().mul(Torch.scalar(cap));
      }
      var expected = torch.log_softmax(logits, 1).gather(1, Torch.of(targets));
      same("logprob", logprob, expected);
      expected.mul(Torch.of(factors)).sum().mul(Torch.scalar(-weight)).backward();
      same("dh", dh, th.grad());
      same("dW", dW, tw.grad().add(before));

      Tensor scored = scope.tensor(Dtype.F64, rows, 1);
      Tensor best = scope.tensor(Dtype.I32, rows, 1);
      HeadLoss.score(
          h, HeadLoss.Weight.of(w, shape), null, targets, scored, best, ws, Kernels.plain());
      same("scored", scored, expected);
      var likeliest =
          Torch.values(
              torch
                  .argmax(logits, new org.bytedeco.pytorch.LongOptional(1), true)
                  .to(torch.ScalarType.Double));
      for (int r = 0; r < rows; r++) {
        assertThat(best.at(r)).isEqualTo(likeliest[r]);
      }
    }
  }
}
