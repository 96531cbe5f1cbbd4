package dev.nudge.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Seeds;
import dev.nudge.Torch;
import dev.nudge.TorchLlama;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.AdamWOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;

/// Compare every forward and backward of the portable kernels, in double, with libtorch's autograd
/// in float64: within 1e-10, a few hundred units in the last place of sums over hundreds of terms.
class AutogradTest {
  private static final double BOUND = 1e-10;
  private static final int TIMES = 5;

  private final Kernels plain = Kernels.plain();
  private final long seed = Seeds.next();
  private final Random random = new Random(seed);
  private final int rows = 1 + random.nextInt(11);
  private final int cols = 1 + random.nextInt(300);

  @BeforeEach
  void torchIsThere() {
    Torch.assume();
    System.out.println("autograd seed " + seed + " rows " + rows + " cols " + cols);
  }

  private Tensor draw(Scope scope, int rows, int cols) {
    Tensor t = scope.tensor(Dtype.F64, rows, cols + 3).cols(1, cols + 1);
    for (int r = 0; r < rows; r++) {
      for (int c = 0; c < cols; c++) {
        t.set(r, c, random.nextGaussian());
      }
    }
    return t;
  }

  private Tensor below(Scope scope, int rows, int bound) {
    Tensor t = scope.tensor(Dtype.I32, rows, 1);
    for (int r = 0; r < rows; r++) {
      t.put(r, random.nextInt(bound));
    }
    return t;
  }

  private static void same(String name, Tensor got, org.bytedeco.pytorch.Tensor expected) {
    assertThat(Torch.difference(got, expected)).as(name).isLessThan(BOUND);
  }

  @RepeatedTest(TIMES)
  void rmsNormWithItsResidual() {
    try (Scope scope = Scope.open("autograd");
        PointerScope pointers = new PointerScope()) {
      Tensor x = draw(scope, rows, cols);
      Tensor delta = draw(scope, rows, cols);
      Tensor w = draw(scope, 1, cols);
      Tensor sum = draw(scope, rows, cols);
      Tensor y = draw(scope, rows, cols);
      Tensor rstd = draw(scope, rows, 1);
      plain.rmsNorm().forward(x, delta, sum, w, y, rstd, 1e-5, 0);
      var tx = Torch.leaf(x);
      var s = tx.add(Torch.of(delta));
      var mean =
          s.square().mean(new long[] {1}, true, new org.bytedeco.pytorch.ScalarTypeOptional());
      var tw = Torch.leaf(w);
      var ty = s.mul(mean.add(Torch.scalar(1e-5)).rsqrt()).mul(tw);
      same("sum", sum, s);
      same("y", y, ty);

      Tensor dy = draw(scope, rows, cols);
      Tensor dRes = draw(scope, rows, cols);
      ty.mul(Torch.of(dy)).sum().add(s.mul(Torch.of(dRes)).sum()).backward();
      Tensor low = draw(scope, rows, cols);
      Tensor again = draw(scope, rows, cols);
      plain.rmsNorm().backward(dy, sum, rstd, w, dRes, low, again, 0);
      same("y again", again, ty);
      same("dRes", dRes, tx.grad());
      same("low", low, tx.grad());
      Tensor dw = draw(scope, 1, cols);
      var before = Torch.of(dw);
      plain.rmsNorm().weightGradient(dy, sum, rstd, dw);
      same("dw", dw, tw.grad().add(before));
    }
  }

  @RepeatedTest(TIMES)
  void embeddingOfTokensThatComeAgain() {
    int vocabulary = 1 + random.nextInt(7);
    try (Scope scope = Scope.open("autograd");
        PointerScope pointers = new PointerScope()) {
      Tensor table = draw(scope, vocabulary, cols);
      Tensor ids = below(scope, rows, vocabulary);
      Tensor x = draw(scope, rows, cols);
      int skipped = random.nextInt(vocabulary + 1) - 1;
      var t = Torch.leaf(table);
      var tx = torch.embedding(t, Torch.of(ids).reshape(rows), skipped, false, false);
      plain.elementwise().gather(table, ids, x);
      same("x", x, tx);

      Tensor dx = draw(scope, rows, cols);
      tx.mul(Torch.of(dx)).sum().backward();
      Tensor gradient = draw(scope, vocabulary, cols);
      var before = Torch.of(gradient);
      plain.elementwise().scatter(dx, ids, skipped, gradient);
      same("dTable", gradient, t.grad().add(before));
    }
  }

  @RepeatedTest(TIMES)
  void rope() {
    int half = 1 + random.nextInt(40);
    int heads = 1 + random.nextInt(4);
    try (Scope scope = Scope.open("autograd");
        PointerScope pointers = new PointerScope()) {
      Tensor x = draw(scope, rows, heads * 2 * half);
      Tensor cos = draw(scope, 13, half);
      Tensor sin = draw(scope, 13, half);
      for (int p = 0; p < 13; p++) {
        for (int i = 0; i < half; i++) {
          double angle = random.nextDouble() * 7;
          cos.set(p, i, Math.cos(angle));
          sin.set(p, i, Math.sin(angle));
        }
      }
      Tensor positions = below(scope, rows, 13);
      var tx = Torch.leaf(x);
      var index = Torch.of(positions).reshape(rows);
      var c = Torch.of(cos).index_select(0, index).unsqueeze(1);
      var s = Torch.of(sin).index_select(0, index).unsqueeze(1);
      Rope.Pairing pairing = Rope.Pairing.values()[random.nextInt(2)];
      boolean halves = pairing == Rope.Pairing.HALVES;
      var pairs =
          halves
              ? tx.reshape(rows, heads, 2, half).transpose(2, 3)
              : tx.reshape(rows, heads, half, 2);
      var a = pairs.select(3, 0);
      var b = pairs.select(3, 1);
      var both = new TensorVector(a.mul(c).sub(b.mul(s)), b.mul(c).add(a.mul(s)));
      var turned = torch.stack(both, halves ? 2 : 3).reshape(rows, heads * 2 * half);
      plain.rope().apply(x, positions, cos, sin, 2 * half, pairing, false);
      same("rotated", x, turned);

      Tensor dy = draw(scope, rows, heads * 2 * half);
      turned.mul(Torch.of(dy)).sum().backward();
      plain.rope().apply(dy, positions, cos, sin, 2 * half, pairing, true);
      same("dx", dy, tx.grad());
    }
  }

  @RepeatedTest(TIMES)
  void swiGlu() {
    gated(plain.swiGlu(), 4, torch::silu);
  }

  @RepeatedTest(TIMES)
  void sigmoidGlu() {
    gated(plain.sigmoidGlu(), 4, torch::sigmoid);
  }

  @RepeatedTest(TIMES)
  void geGlu() {
    gated(
        plain.geGlu(),
        2,
        e -> {
          var cubed = e.mul(e).mul(e).mul(Torch.scalar(0.044715)).add(e);
          var inner = cubed.mul(Torch.scalar(Math.sqrt(2 / Math.PI)));
          return inner.tanh().add(Torch.scalar(1)).mul(e).mul(Torch.scalar(0.5));
        });
  }

  /// @param scale of the gate
  private void gated(
      Glu kernel, double scale, UnaryOperator<org.bytedeco.pytorch.Tensor> activation) {
    try (Scope scope = Scope.open("autograd");
        PointerScope pointers = new PointerScope()) {
      Tensor gate = draw(scope, rows, cols);
      plain.elementwise().scale(gate, scale);
      Tensor up = draw(scope, rows, cols);
      Tensor h = draw(scope, rows, cols);
      var e = Torch.leaf(gate);
      var u = Torch.leaf(up);
      var th = activation.apply(e).mul(u);
      kernel.forward(gate, up, h);
      same("h", h, th);

      Tensor dh = draw(scope, rows, cols);
      th.mul(Torch.of(dh)).sum().backward();
      kernel.backward(dh, gate, up, gate, up, dh);
      same("h again", dh, th);
      same("dGate", gate, e.grad());
      same("dUp", up, u.grad());
    }
  }

  @RepeatedTest(TIMES)
  void softCap() {
    double scale = 0.2 + random.nextDouble();
    double cap = 0.5 + 4 * random.nextDouble();
    try (Scope scope = Scope.open("autograd");
        PointerScope pointers = new PointerScope()) {
      Tensor x = draw(scope, rows, cols);
      plain.elementwise().scale(x, 3);
      var tx = Torch.leaf(x);
      var y = tx.mul(Torch.scalar(scale / cap)).tanh().mul(Torch.scalar(cap));
      plain.softCap().forward(x, scale, cap);
      same("y", x, y);

      Tensor dy = draw(scope, rows, cols);
      y.mul(Torch.of(dy)).sum().backward();
      plain.softCap().backward(x, dy, scale, cap);
      same("dx", dy, tx.grad());
    }
  }

  @RepeatedTest(TIMES)
  void rmsNormWithOneAddedToItsWeight() {
    try (Scope scope = Scope.open("autograd");
        PointerScope pointers = new PointerScope()) {
      Tensor x = draw(scope, rows, cols);
      Tensor w = draw(scope, 1, cols);
      Tensor y = draw(scope, rows, cols);
      Tensor rstd = draw(scope, rows, 1);
      plain.rmsNorm().forward(x, null, null, w, y, rstd, 1e-5, 1);
      var tx = Torch.leaf(x);
      var tw = Torch.leaf(w);
      var ty = TorchLlama.rmsNorm(tx, tw.add(Torch.scalar(1)), 1e-5);
      same("y", y, ty);

      Tensor dy = draw(scope, rows, cols);
      ty.mul(Torch.of(dy)).sum().backward();
      Tensor dw = draw(scope, 1, cols);
      var before = Torch.of(dw);
      plain.rmsNorm().weightGradient(dy, x, rstd, dw);
      same("dw", dw, tw.grad().add(before));
      Tensor dRes = scope.tensor(Dtype.F64, rows, cols);
      plain.rmsNorm().backward(dy, x, rstd, w, dRes, x, null, 1);
      same("dx", dRes, tx.grad());
      same("dx over x", x, tx.grad());
    }
  }

  @RepeatedTest(TIMES)
  void softmaxOfMaskedRows() {
    int first = random.nextInt(cols);
    int repeat = 1 + random.nextInt(4);
    int window = random.nextBoolean() ? 0 : 1 + random.nextInt(cols);
    double scale = 0.1 + random.nextDouble();
    try (Scope scope = Scope.open("autograd");
        PointerScope pointers = new PointerScope()) {
      Tensor scores = draw(scope, rows, cols);
      plain.elementwise().scale(scores, 5);
      Tensor mask = scope.tensor(Dtype.F64, rows, cols);
      for (int r = 0; r < rows; r++) {
        int limit = SoftmaxRows.limit(first, repeat, r, cols);
        for (int c = 0; c < cols; c++) {
          if (c >= limit || (window > 0 && c < limit - window)) {
            mask.set(r, c, Double.NEGATIVE_INFINITY);
          }
        }
      }
      var z = Torch.leaf(scores);
      var seen = z.mul(Torch.scalar(scale)).add(Torch.of(mask));
      var p = torch.softmax(seen, 1);
      Tensor probs = draw(scope, rows, cols);
      Tensor lse = draw(scope, rows, 1);
      plain.softmaxRows().forward(scores, scale, first, repeat, window, probs, lse);
      same("probs", probs, p);
      same("lse", lse, seen.logsumexp(new long[] {1}, true));

      Tensor dP = draw(scope, rows, cols);
      p.mul(Torch.of(dP)).sum().backward();
      Tensor d = draw(scope, rows, 1);
      Tensor again = draw(scope, rows, cols);
      Tensor dS = draw(scope, rows, cols);
      plain.softmaxRows().rowDots(probs, dP, 1, d);
      plain.softmaxRows().backward(scores, scale, first, repeat, window, lse, dP, d, again, dS);
      same("again", again, p);
      same("dS", dS, z.grad());
    }
  }

  @RepeatedTest(TIMES)
  void crossEntropy() {
    double weight = 0.01 + random.nextDouble();
    try (Scope scope = Scope.open("autograd");
        PointerScope pointers = new PointerScope()) {
      Tensor logits = draw(scope, rows, cols);
      plain.elementwise().scale(logits, 4);
      Tensor targets = below(scope, rows, cols);
      var z = Torch.leaf(logits);
      var logprobs = torch.log_softmax(z, 1).gather(1, Torch.of(targets));
      Tensor logprob = draw(scope, rows, 1);
      Tensor lse = draw(scope, rows, 1);
      plain.crossEntropy().forward(logits, targets, logprob, lse, null);
      same("logprob", logprob, logprobs);
      same("lse", lse, z.logsumexp(new long[] {1}, true));

      logprobs.sum().mul(Torch.scalar(-weight)).backward();
      plain.crossEntropy().gradient(logits, targets, lse, weight, logits);
      same("dLogits", logits, z.grad());
    }
  }

  @RepeatedTest(TIMES)
  void adamW() {
    try (Scope scope = Scope.open("autograd");
        PointerScope pointers = new PointerScope()) {
      Tensor p = draw(scope, rows, cols);
      Tensor m = scope.tensor(Dtype.F64, rows, cols);
      Tensor v = scope.tensor(Dtype.F64, rows, cols);
      var tp = Torch.leaf(p);
      AdamWOptions options = new AdamWOptions(0.03);
      options.eps().put(1e-7);
      options.weight_decay().put(0.2);
      var optimizer = new org.bytedeco.pytorch.AdamW(new TensorVector(tp), options);
      for (int t = 1; t <= 6; t++) {
        Tensor grad = draw(scope, rows, cols);
        double clip = t % 2 == 0 ? 0.25 : 1;
        optimizer.zero_grad();
        tp.mul(Torch.of(grad)).sum().mul(Torch.scalar(clip)).backward();
        optimizer.step();
        plain
            .adamW()
            .step(p, null, grad, m, v, new AdamW.Hyper(0.03, 0.9, 0.999, 1e-7, 0.2, clip, t));
        same("parameters after step " + t, p, tp);
      }
    }
  }
}
