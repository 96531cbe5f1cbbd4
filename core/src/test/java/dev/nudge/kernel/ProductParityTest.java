package dev.nudge.kernel;

import static dev.nudge.nn.Linear.Direction.BACKWARD;
import static dev.nudge.nn.Linear.Direction.FORWARD;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.Seeds;
import dev.nudge.machine.Backend;
import dev.nudge.nn.StoredLinear;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Packed;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Compare attention and the fused head, on this machine's fastest kernels and products, with the
/// portable ones that compute the same inputs in double.
///
/// The bounds are 1e-6 in fp32 and 2⁻⁷ in bf16 of the row's largest value, where a row is taken to
/// be as large as the terms that it is a sum of: Σ P·|v| for the output, Σ P·|dO| for dv, and for
/// dq and dk Σ c·P·(Σ|dO|·|v| + Σ|dO|·|O|) times |k| or |q|, since dP − D is a difference. A sum of
/// n terms of any sign is √n smaller than its terms, and dq of a first token is zero in exact
/// numbers, so no arithmetic keeps a bound against the sum itself: 2⁻⁷ is four roundings to
/// bfloat16 (P, O, dS, the result), 1e-6 is 16 units of fp32. How many rows keep it against their
/// own largest value is counted, and bounded too.
class ProductParityTest {
  private static final int[] LENGTHS = {1, 2, 5, 63, 64, 65, 127, 200, 511, 2100};

  private final long seed = Seeds.next();
  private final Random random = new Random(seed);
  private double worst;
  private int rows;
  private int rowsOver;

  private static double bound(Dtype c) {
    return c == Dtype.F32 ? 1e-6 : 0x1p-7;
  }

  private Tensor draw(Scope scope, Dtype dtype, int rows, int cols, double size) {
    Tensor t = scope.tensor(dtype, rows, cols);
    for (long i = 0; i < t.elements(); i++) {
      t.put(i, size * random.nextGaussian());
    }
    return t;
  }

  private static Tensor wide(Scope scope, Tensor t) {
    Tensor w = scope.tensor(Dtype.F64, t.shape());
    for (long i = 0; i < t.elements(); i++) {
      w.put(i, t.at(i));
    }
    return w;
  }

  /// Compares row by row.
  ///
  /// @param terms what a row's largest value is at least taken for
  private void compare(String name, Tensor got, Tensor exact, double[] terms, double bound) {
    for (int r = 0; r < exact.rows(); r++) {
      double largest = 0;
      double off = 0;
      for (int c = 0; c < exact.cols(); c++) {
        largest = Math.max(largest, Math.abs(exact.get(r, c)));
        double d = Math.abs(exact.get(r, c) - got.get(r, c));
        off = Double.isNaN(d) ? Double.POSITIVE_INFINITY : Math.max(off, d);
      }
      rows++;
      rowsOver += off > bound * largest ? 1 : 0;
      double size = Math.max(largest, terms[r]);
      assertThat(off)
          .as("%s row %d of %d, seed %d", name, r, exact.rows(), seed)
          .isLessThanOrEqualTo(bound * size);
      worst = Math.max(worst, off == 0 ? 0 : off / (bound * size));
    }
  }

  private void told(String what, double share) {
    double over = (double) rowsOver / rows;
    System.out.printf(
        "%s seed %d: worst %.2f of the bound; %d rows of %d beyond it by their own size%n",
        what, seed, worst, rowsOver, rows);
    assertThat(over).as("share of rows beyond the bound by their own size").isLessThan(share);
  }

  @ParameterizedTest
  @EnumSource(
      value = Compute.class,
      names = {"FP32", "BF16"})
  void attention(Compute compute) {
    Backend backend = Backends.orSkip(compute);
    for (int n : LENGTHS) {
      for (int group : new int[] {1, 3}) {
        if (n < 2000 || group == 1) {
          int dim = n < 2000 ? 2 * (4 + random.nextInt(29)) : 16;
          attention(new Attend.Shape(group, 1, dim), n, backend);
        }
      }
    }
    told("attention " + backend.compute(), compute == Compute.FP32 ? 0.2 : 0.01);
  }

  private void attention(Attend.Shape h, int n, Backend backend) {
    Dtype c = backend.compute();
    try (Scope scope = Scope.open("parity");
        Workspace ws = new Workspace(0, 32 << 20, backend.gemms().apply(1));
        Workspace plain = new Workspace(0, 32 << 20, Gemm.plain())) {
      Tensor q = draw(scope, c, n, h.queryWidth(), 1);
      Tensor k = draw(scope, c, n, h.keyWidth(), 1);
      Tensor v = draw(scope, c, n, h.keyWidth(), 1);
      Tensor dO = draw(scope, c, n, h.queryWidth(), 1);
      Tensor[] got = attention(h, scope, c, q, k, v, dO, null, ws, backend.kernels());
      Tensor[] exact =
          attention(
              h,
              scope,
              Dtype.F64,
              wide(scope, q),
              wide(scope, k),
              wide(scope, v),
              wide(scope, dO),
              wide(scope, got[4]),
              plain,
              Kernels.plain());
      double[][] terms = terms(h, q, k, v, exact[0], dO);
      String[] names = {"out", "dq", "dk", "dv"};
      for (int i = 0; i < names.length; i++) {
        compare(c + " " + h + " " + names[i], got[i], exact[i], terms[i], bound(c));
      }
      compare(c + " " + h + " lse", got[4], exact[4], terms[4], bound(Dtype.F32));
    }
  }

  /// out, dq, dk, dv and lse.
  ///
  /// @param kept the lse that the backward pass starts from; null: its own. It is kept in fp32,
  ///     and half the distance of floats from 8 on is 4.8e-7 of every probability
  private static Tensor[] attention(
      Attend.Shape h,
      Scope scope,
      Dtype c,
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor dO,
      @Nullable Tensor kept,
      Workspace ws,
      Kernels kernels) {
    long n = q.rows();
    Tensor out = scope.tensor(c, n, h.queryWidth());
    Tensor lse = scope.tensor(c.accumulator(), n * h.count(), 1);
    Tensor dq = scope.tensor(c, n, h.queryWidth());
    Tensor dk = scope.tensor(c, n, h.keyWidth());
    Tensor dv = scope.tensor(c, n, h.keyWidth());
    kernels.attend().forward(h, q, KeyValues.of(k, v), out, lse, ws, kernels);
    Tensor from = kept == null ? lse : kept;
    kernels.attend().backward(h, q, k, v, out, from, dO, dq, dk, dv, ws, kernels);
    return new Tensor[] {out, dq, dk, dv, lse};
  }

  /// For each row of out, dq, dk, dv and lse the largest sum of its terms' sizes; one key-value
  /// head.
  private static double[][] terms(
      Attend.Shape h, Tensor q, Tensor k, Tensor v, Tensor out, Tensor dO) {
    int n = q.rows();
    int dim = h.dim();
    double[][] ks = numbers(k, 0, dim);
    double[][] vs = numbers(v, 0, dim);
    double[][] largest = new double[5][n];
    largest[4] = new double[n * h.count()];
    double[][] dk = new double[n][dim];
    double[][] dv = new double[n][dim];
    for (int head = 0; head < h.count(); head++) {
      double[][] qs = numbers(q, head * dim, dim);
      double[][] outs = numbers(out, head * dim, dim);
      double[][] dOs = numbers(dO, head * dim, dim);
      for (int i = 0; i < n; i++) {
        double[] p = probabilities(qs[i], ks, i + 1, h.scale());
        double[] o = new double[dim];
        double[] dq = new double[dim];
        double d = sizes(dOs[i], outs[i]);
        for (int j = 0; j <= i; j++) {
          int row = i * h.count() + head;
          largest[4][row] = Math.max(largest[4][row], h.scale() * sizes(qs[i], ks[j]));
          double s = h.scale() * p[j] * (sizes(dOs[i], vs[j]) + d);
          for (int e = 0; e < dim; e++) {
            o[e] += p[j] * Math.abs(vs[j][e]);
            dq[e] += s * Math.abs(ks[j][e]);
            dk[j][e] += s * Math.abs(qs[i][e]);
            dv[j][e] += p[j] * Math.abs(dOs[i][e]);
          }
        }
        for (int e = 0; e < dim; e++) {
          largest[0][i] = Math.max(largest[0][i], o[e]);
          largest[1][i] = Math.max(largest[1][i], dq[e]);
        }
      }
    }
    for (int j = 0; j < n; j++) {
      for (int e = 0; e < dim; e++) {
        largest[2][j] = Math.max(largest[2][j], dk[j][e]);
        largest[3][j] = Math.max(largest[3][j], dv[j][e]);
      }
    }
    return largest;
  }

  private static double[][] numbers(Tensor t, int from, int cols) {
    double[][] rows = new double[t.rows()][cols];
    for (int r = 0; r < rows.length; r++) {
      for (int c = 0; c < cols; c++) {
        rows[r][c] = t.get(r, from + c);
      }
    }
    return rows;
  }

  private static double[] probabilities(double[] q, double[][] k, int seen, double scale) {
    double[] p = new double[seen];
    double sum = 0;
    for (int j = 0; j < seen; j++) {
      p[j] = Math.exp(scale * dot(q, k[j]));
      sum += p[j];
    }
    for (int j = 0; j < seen; j++) {
      p[j] /= sum;
    }
    return p;
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int e = 0; e < a.length; e++) {
      sum += a[e] * b[e];
    }
    return sum;
  }

  private static double sizes(double[] a, double[] b) {
    double sum = 0;
    for (int e = 0; e < a.length; e++) {
      sum += Math.abs(a[e] * b[e]);
    }
    return sum;
  }

  /// A log-probability is a difference of a logit and lse, so its terms are the largest Σ|h|·|w|.
  ///
  /// The gradient of a hidden row keeps 4e-6 of its largest value in fp32, not 1e-6: logits
  /// reach 12 here, where neighbouring floats lie 9.5e-7 apart, and that is what exp makes a
  /// relative error of a probability. The worst of some runs was 1.6e-6. Of the label it is an
  /// error of p − 1, so a row that is nearly certain of its label is held to the label's terms.
  @ParameterizedTest
  @EnumSource(
      value = Compute.class,
      names = {"FP32", "BF16"})
  void headAndLoss(Compute compute) {
    Backend backend = Backends.orSkip(compute);
    for (int vocabulary : new int[] {37, 1001, 40_003}) {
      int n = vocabulary > 10_000 ? 120 : 60; // more than one chunk
      head(vocabulary, n, 16 + random.nextInt(200), backend);
    }
    told("head " + backend.compute(), 0.05);
  }

  private void head(int vocabulary, int n, int width, Backend backend) {
    Dtype c = backend.compute();
    try (Scope scope = Scope.open("parity");
        Workspace ws = new Workspace(0, 64 << 20, backend.gemms().apply(1));
        Workspace plain = new Workspace(0, 64 << 20, Gemm.plain())) {
      Tensor h = draw(scope, c, n, width, 1);
      Tensor w = draw(scope, c, vocabulary, width, 3 / Math.sqrt(width));
      Tensor targets = scope.tensor(Dtype.I32, n, 1);
      for (int i = 0; i < n; i++) {
        targets.put(i, random.nextInt(vocabulary));
      }
      Tensor logprob = scope.tensor(Dtype.F64, n, 1);
      Tensor exactLogprob = scope.tensor(Dtype.F64, n, 1);
      Tensor dh = scope.tensor(c.accumulator(), n, width);
      Tensor exact = scope.tensor(Dtype.F64, n, width);
      Tensor wideH = wide(scope, h);
      Tensor wideW = wide(scope, w);
      Tensor dW = scope.tensor(c.accumulator(), vocabulary, width);
      Tensor packedDw = scope.tensor(c.accumulator(), vocabulary, width);
      Tensor exactDw = scope.tensor(Dtype.F64, vocabulary, width);
      HeadLoss.train(
          h,
          HeadLoss.Weight.of(w),
          targets,
          0.01,
          null,
          logprob,
          dh,
          HeadLoss.Beside.of(lane -> dW),
          ws,
          backend.kernels());
      HeadLoss.train(
          wideH,
          HeadLoss.Weight.of(wideW),
          targets,
          0.01,
          null,
          exactLogprob,
          exact,
          HeadLoss.Beside.of(lane -> exactDw),
          plain,
          Kernels.plain());
      String name = c + " vocabulary " + vocabulary + " width " + width;
      double[] terms = logitTerms(numbers(wideH, 0, width), numbers(wideW, 0, width));
      double[] labels = labelTerms(wideW, targets, 0.01);
      compare(name + " logprob", logprob, exactLogprob, terms, bound(c));
      compare(name + " dh", dh, exact, labels, c == Dtype.F32 ? 4e-6 : bound(c));
      Tensor madeLogprob = scope.tensor(Dtype.F64, n, 1);
      Tensor madeDh = scope.tensor(c.accumulator(), n, width);
      StoredLinear stored =
          StoredLinear.ofRows(StoredLinear.source(w), null, c, 50L * width * c.bytes());
      HeadLoss.train(
          h,
          HeadLoss.Weight.made(
              (x, y, room) -> stored.multiply(x, FORWARD, y, room, backend.kernels()),
              (x, y, room) -> stored.multiply(x, BACKWARD, y, room, backend.kernels()),
              vocabulary,
              HeadLoss.Logits.PLAIN),
          targets,
          0.01,
          null,
          madeLogprob,
          madeDh,
          null,
          ws,
          backend.kernels());
      compare(name + " made logprob", madeLogprob, exactLogprob, terms, bound(c));
      compare(name + " made dh", madeDh, exact, labels, c == Dtype.F32 ? 4e-6 : bound(c));
      HeadLoss.Weight packed = packed(w, scope, ws);
      HeadLoss.train(
          h,
          packed,
          targets,
          0.01,
          null,
          logprob,
          dh,
          HeadLoss.Beside.of(lane -> packedDw),
          ws,
          backend.kernels());
      compare(name + " packed logprob", logprob, exactLogprob, terms, bound(c));
      compare(name + " packed dh", dh, exact, labels, c == Dtype.F32 ? 4e-6 : bound(c));
      // of the norm: single numbers cancel. bf16 rounds each softmax once, by 2⁻⁹ at most
      for (Tensor got : new Tensor[] {dW, packedDw}) {
        assertThat(apart(got, exactDw)).as(name + " dW").isLessThan(c == Dtype.F32 ? 1e-5 : 4e-3);
      }
      int cut = 1 + random.nextInt(n - 1);
      Tensor again = scope.tensor(dh.dtype(), n, width);
      for (int[] part : new int[][] {{0, cut}, {cut, n}}) {
        HeadLoss.train(
            h.rows(part[0], part[1]),
            packed,
            targets.rows(part[0], part[1]),
            0.01,
            null,
            logprob.rows(part[0], part[1]),
            again.rows(part[0], part[1]),
            null,
            ws,
            backend.kernels());
      }
      assertThat(again.data().mismatch(dh.data()))
          .describedAs("%s, a row's gradient depends on the cut at %d", name, cut)
          .isEqualTo(-1);
    }
  }

  /// The largest weight·|w| of each row's label: what p·w and −w have in it.
  private static double[] labelTerms(Tensor w, Tensor targets, double weight) {
    double[] terms = new double[targets.rows()];
    for (int r = 0; r < terms.length; r++) {
      for (int e = 0; e < w.cols(); e++) {
        double term = Math.abs(weight * w.get((int) targets.at(r), e));
        terms[r] = Math.max(terms[r], term);
      }
    }
    return terms;
  }

  private static double apart(Tensor got, Tensor exact) {
    double off = 0;
    double norm = 0;
    for (long i = 0; i < got.elements(); i++) {
      off += Math.pow(got.at(i) - exact.at(i), 2);
      norm += Math.pow(exact.at(i), 2);
    }
    return Math.sqrt(off / norm);
  }

  private static HeadLoss.Weight packed(Tensor w, Scope scope, Workspace ws) {
    int vocabulary = Packed.padded(w.rows());
    int width = Packed.padded(w.cols());
    return new HeadLoss.Weight(
        ws.gemm().pack(w.transposed(), scope.tensor(w.dtype(), width, vocabulary)),
        ws.gemm().pack(w, scope.tensor(w.dtype(), vocabulary, width)),
        HeadLoss.Logits.PLAIN);
  }

  /// For each row the largest sum of sizes that a logit is made of.
  private static double[] logitTerms(double[][] h, double[][] w) {
    double[] largest = new double[h.length];
    for (int i = 0; i < h.length; i++) {
      for (double[] row : w) {
        largest[i] = Math.max(largest[i], sizes(h[i], row));
      }
    }
    return largest;
  }
}
