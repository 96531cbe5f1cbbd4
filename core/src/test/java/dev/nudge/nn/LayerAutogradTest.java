package dev.nudge.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Seeds;
import dev.nudge.Torch;
import dev.nudge.TorchLlama;
import dev.nudge.adapter.DoraLinear;
import dev.nudge.adapter.LoraLinear;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.kernel.Attend;
import dev.nudge.kernel.Glu;
import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.Rope;
import dev.nudge.nn.layer.Attention;
import dev.nudge.nn.layer.DecoderLayer;
import dev.nudge.nn.layer.Mlp;
import dev.nudge.nn.layer.ResidualBlock;
import dev.nudge.nn.layer.Rotary;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Compares an adapted linear layer and a whole decoder layer in double with libtorch's autograd in
/// float64: within 1e-10 of the larger of 1 and the largest number.
///
/// The dropout masks are the library's own. A probe with the parameter's name, both factors the
/// identity and a base of zero maps ones to its mask.
class LayerAutogradTest {
  private static final double BOUND = 1e-10;
  private static final Dtype F64 = Dtype.F64;

  private final long seed = Seeds.next();
  private final Random random = new Random(seed);

  @BeforeEach
  void torchIsThere() {
    Torch.assume();
  }

  private Tensor draw(Scope scope, int rows, int cols, double size) {
    Tensor t = scope.tensor(F64, rows, cols);
    for (long i = 0; i < t.elements(); i++) {
      t.put(i, size * random.nextGaussian());
    }
    return t;
  }

  private static void same(String name, Tensor got, org.bytedeco.pytorch.Tensor expected) {
    assertThat(Torch.difference(got, expected)).as(name).isLessThan(BOUND);
  }

  /// A linear layer of the library, and the same for libtorch.
  private final class Adapted {
    final LinearSlot slot;
    final Parameter a;
    final Parameter b;
    final org.bytedeco.pytorch.Tensor weight;
    final org.bytedeco.pytorch.Tensor bias;
    final org.bytedeco.pytorch.Tensor ta;
    final org.bytedeco.pytorch.Tensor tb;
    final double scaling = 0.3 + random.nextDouble();
    final double dropout;
    final Lora.Variant variant;
    final @Nullable Parameter more;
    final org.bytedeco.pytorch.@Nullable Tensor tmore;

    /// @param starts whether a frozen pair is subtracted from the base
    Adapted(
        Scope scope,
        String path,
        int out,
        int in,
        double dropout,
        Lora.Variant variant,
        boolean starts) {
      this.dropout = dropout;
      this.variant = variant;
      int r = 1 + random.nextInt(5);
      Tensor w = draw(scope, out, in, 0.4);
      Tensor bias = draw(scope, 1, out, 0.4);
      a = new Parameter(path + ".lora_A.weight", true, r, in, F64, 1, scope);
      b = new Parameter(path + ".lora_B.weight", true, out, r, F64, 1, scope);
      fill(a.master());
      fill(b.master());
      Linear base = DenseLinear.of(w, bias);
      var effective = Torch.of(w);
      if (starts) {
        Parameter a0 = new Parameter("a0", false, r, in, F64, 0, scope);
        Parameter b0 = new Parameter("b0", false, out, r, F64, 0, scope);
        fill(a0.master());
        fill(b0.master());
        base = LoraLinear.of(base, a0, b0, -scaling, 0);
        effective =
            effective.sub(
                Torch.of(b0.master()).matmul(Torch.of(a0.master())).mul(Torch.scalar(scaling)));
      }
      LoraLinear lora = LoraLinear.of(base, a, b, scaling, dropout);
      if (variant == Lora.Variant.PLAIN) {
        more = null;
        tmore = null;
        slot = new LinearSlot(path, lora);
      } else {
        more = new Parameter(path + ".more", true, 1, out, F64, 1, scope);
        fill(more.master());
        tmore = Torch.leaf(more.master());
        slot =
            new LinearSlot(
                path,
                variant == Lora.Variant.BIAS
                    ? lora.withBias(more)
                    : DoraLinear.of(lora, more, scope));
      }
      weight = effective;
      this.bias = Torch.of(bias);
      ta = Torch.leaf(a.master());
      tb = Torch.leaf(b.master());
    }

    private void fill(Tensor t) {
      for (long i = 0; i < t.elements(); i++) {
        t.put(i, 0.4 * random.nextGaussian());
      }
    }

    /// y of libtorch.
    org.bytedeco.pytorch.Tensor of(org.bytedeco.pytorch.Tensor x, Pass p) {
      if (variant == Lora.Variant.DORA) {
        var whole = weight.add(tb.matmul(ta).mul(Torch.scalar(scaling)));
        var norms = norms(whole.detach());
        return x.matmul(whole.t()).mul(Objects.requireNonNull(tmore).div(norms)).add(bias);
      }
      var dropped = x.mul(mask((int) x.size(0), p));
      var more = tmore == null ? bias : bias.add(tmore.mul(Torch.scalar(scaling)));
      return x.matmul(weight.t())
          .add(more)
          .add(dropped.matmul(ta.t()).matmul(tb.t()).mul(Torch.scalar(scaling)));
    }

    /// The norms of the rows, (1, out).
    private org.bytedeco.pytorch.Tensor norms(org.bytedeco.pytorch.Tensor whole) {
      double[] numbers = Torch.values(whole);
      int in = a.master().cols();
      try (Scope scope = Scope.open("norms")) {
        Tensor norms = scope.tensor(F64, 1, numbers.length / in);
        for (int i = 0; i < norms.cols(); i++) {
          double sum = 0;
          for (int c = 0; c < in; c++) {
            sum += numbers[i * in + c] * numbers[i * in + c];
          }
          norms.set(0, i, Math.sqrt(sum));
        }
        return Torch.of(norms);
      }
    }

    private org.bytedeco.pytorch.Tensor mask(int rows, Pass p) {
      int in = a.master().cols();
      try (Scope scope = Scope.open("probe");
          Workspace ws = new Workspace(0, 4 << 20, Gemm.plain())) {
        Parameter one = new Parameter(a.name(), true, in, in, F64, 0, scope);
        for (int i = 0; i < in; i++) {
          one.master().set(i, i, 1);
        }
        Tensor ones = scope.tensor(F64, rows, in);
        for (long i = 0; i < ones.elements(); i++) {
          ones.put(i, 1);
        }
        Tensor y = scope.tensor(F64, rows, in);
        LoraLinear.of(DenseLinear.of(scope.tensor(F64, in, in), null), one, one, 1, dropout)
            .forward(ones, y, new Pass(null, p.rows(), ws, p.kernels(), p.dropout()));
        double kept = 0;
        for (long i = 0; i < y.elements(); i++) {
          assertThat(y.at(i)).isIn(0.0, 1 / (1 - dropout));
          kept += y.at(i) == 0 ? 0 : 1;
        }
        if (dropout == 0) {
          assertThat(kept).isEqualTo(y.elements());
        } else if (y.elements() > 100) {
          assertThat(kept).isBetween(1.0, y.elements() - 1.0);
        }
        return Torch.of(y);
      }
    }

    void sameGradients() {
      same(a.name(), a.gradient(0), ta.grad());
      same(b.name(), b.gradient(0), tb.grad());
      if (more != null && tmore != null) {
        same(more.name(), more.gradient(0), tmore.grad());
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "0, false, 1, PLAIN, false",
    "0, true, 1, PLAIN, false",
    "0.3, false, 1, PLAIN, false",
    "0.3, true, 1, PLAIN, false",
    "0.9, true, 1, PLAIN, false",
    "0.3, true, 700, PLAIN, false",
    "0, false, 1, BIAS, false",
    "0.3, true, 700, BIAS, false",
    "0, false, 1, DORA, false",
    "0, true, 700, DORA, false",
    "0.3, true, 700, PLAIN, true",
    "0, true, 1, DORA, true"
  })
  void adaptedLinear(double dropout, boolean add, int least, Lora.Variant variant, boolean starts) {
    int rows = least + random.nextInt(40); // 700 and more are several tiles
    int in = 1 + random.nextInt(50);
    int out = 1 + random.nextInt(50);
    try (Scope scope = Scope.open("autograd");
        PointerScope pointers = new PointerScope();
        Workspace ws = new Workspace(0, 4 << 20, Gemm.plain())) {
      Adapted layer =
          new Adapted(scope, "model.layers.0.mlp.up_proj", out, in, dropout, variant, starts);
      Tape tape = new Tape(ws);
      Pass p =
          new Pass(
              tape,
              Segments.of(new int[] {rows}, new long[] {random.nextInt(9)}, ws),
              ws,
              Kernels.plain(),
              Dropout.of(seed, 5));
      Tensor x = draw(scope, rows, in, 1);
      Tensor y = draw(scope, rows, out, 1);
      layer.slot.linear().forward(x, y, p);
      var tx = Torch.leaf(x);
      var ty = layer.of(tx, p);
      same("y", y, ty);

      Tensor dy = draw(scope, rows, out, 1);
      Tensor dx = draw(scope, rows, in, 1);
      var before = Torch.of(dx);
      ty.mul(Torch.of(dy)).sum().backward();
      layer.slot.linear().backward(dy, dx, add, p).add(x);
      same("dx", dx, add ? tx.grad().add(before) : tx.grad());
      layer.sameGradients();
      assertThatThrownBy(() -> tape.pop(Tape.Entry.class)).hasMessageEndingWith("found nothing");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1, 0, NONE, PLAIN",
    "2, 0.25, NONE, PLAIN",
    "3, 0.25, GATE_UP, PLAIN",
    "1, 0.25, ALL_BUT_ATTENTION, PLAIN",
    "2, 0, EVERYTHING, PLAIN",
    "3, 0.25, EVERYTHING, PLAIN",
    "2, 0, NONE, DORA",
    "1, 0, GATE_UP, DORA",
    "3, 0, ALL_BUT_ATTENTION, DORA",
    "2, 0, EVERYTHING, DORA",
    "2, 0.25, GATE_UP, BIAS"
  })
  void wholeDecoderLayer(int group, double dropout, Recompute level, Lora.Variant variant) {
    int[] lengths = {1 + random.nextInt(6), 66 + random.nextInt(9), 1};
    int rows = lengths[0] + lengths[1] + lengths[2];
    int width = 3 + random.nextInt(12);
    int inner = 3 + random.nextInt(20);
    var heads = new Attend.Shape(2 * group, 2, 2 * (1 + random.nextInt(4)));
    double[] frequencies = new double[heads.dim() / 2];
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] = random.nextDouble();
    }
    double eps = 1e-4;
    try (Scope scope = Scope.open("autograd");
        PointerScope pointers = new PointerScope();
        Rotary rotary = new Rotary(Rotary.constant(frequencies), Rope.Pairing.HALVES, F64);
        Workspace ws = new Workspace(0, 16 << 20, Gemm.plain())) {
      rotary.reserve(80);
      Adapted q = new Adapted(scope, "q_proj", heads.queryWidth(), width, dropout, variant, false);
      Adapted k = new Adapted(scope, "k_proj", heads.keyWidth(), width, dropout, variant, false);
      Adapted v = new Adapted(scope, "v_proj", heads.keyWidth(), width, dropout, variant, false);
      Adapted o = new Adapted(scope, "o_proj", width, heads.queryWidth(), dropout, variant, false);
      Adapted gate = new Adapted(scope, "gate_proj", inner, width, dropout, variant, false);
      Adapted up = new Adapted(scope, "up_proj", inner, width, dropout, variant, false);
      Adapted down = new Adapted(scope, "down_proj", width, inner, dropout, variant, false);
      Tensor first = draw(scope, 1, width, 1);
      Tensor second = draw(scope, 1, width, 1);
      DecoderLayer layer =
          new DecoderLayer(
              new ResidualBlock(
                  new Norm(first, eps, 0),
                  new Attention(
                      0,
                      heads,
                      rotary,
                      rotary,
                      SplitLinear.of(q.slot, k.slot, v.slot),
                      o.slot,
                      null,
                      null,
                      false)),
              new ResidualBlock(
                  new Norm(second, eps, 0),
                  new Mlp(SplitLinear.of(gate.slot, up.slot), down.slot, Glu.Activation.SILU)));
      Tape tape = new Tape(ws);
      Pass p =
          new Pass(
              tape,
              Segments.of(lengths, new long[] {0, 1, 2}, ws),
              ws,
              Kernels.plain(),
              Dropout.of(seed, 7));
      Tensor innerScratch = ws.take(F64, rows, inner);
      Tensor sum = ws.take(F64, rows, width);
      Residual.Gradient g = new Residual.Gradient(sum, sum, ws.take(F64, rows, width));
      Tensor x = draw(scope, rows, width, 1);
      var tx = Torch.leaf(x);
      Residual r = new Residual(x, true, ws);
      layer.forward(r, innerScratch, level, p);

      Tensor frequency = scope.tensor(F64, 1, frequencies.length);
      for (int i = 0; i < frequencies.length; i++) {
        frequency.put(i, frequencies[i]);
      }
      var turns = Torch.of(frequency);
      var n1 = TorchLlama.rmsNorm(tx, Torch.of(first), eps);
      var tq = q.of(n1, p);
      var tk = k.of(n1, p);
      var tv = v.of(n1, p);
      TensorVector attended = new TensorVector();
      int start = 0;
      for (int length : lengths) {
        attended.push_back(
            TorchLlama.attention(
                heads,
                TorchLlama.rotated(tq.narrow(0, start, length), heads.dim(), turns),
                TorchLlama.rotated(tk.narrow(0, start, length), heads.dim(), turns),
                tv.narrow(0, start, length)));
        start += length;
      }
      var middle = tx.add(o.of(torch.cat(attended, 0), p));
      var n2 = TorchLlama.rmsNorm(middle, Torch.of(second), eps);
      var output = down.of(torch.silu(gate.of(n2, p)).mul(up.of(n2, p)), p);
      same("stream", r.x(), middle);
      same("delta", r.branch(), output);

      Tensor dOut = draw(scope, rows, width, 1);
      middle.add(output).mul(Torch.of(dOut)).sum().backward();
      for (long i = 0; i < dOut.elements(); i++) {
        g.sum().put(i, dOut.at(i));
      }
      layer.backward(r, g, innerScratch, false, p);
      same("dx", g.sum(), tx.grad());
      for (Adapted each : List.of(q, k, v, o, gate, up, down)) {
        each.sameGradients();
      }
      assertThatThrownBy(() -> tape.pop(Tape.Entry.class)).hasMessageEndingWith("found nothing");
    }
  }
}
