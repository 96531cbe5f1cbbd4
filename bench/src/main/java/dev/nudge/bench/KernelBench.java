package dev.nudge.bench;

import com.sun.management.ThreadMXBean;
import dev.nudge.kernel.AdamW;
import dev.nudge.kernel.AdamW8;
import dev.nudge.kernel.Kernels;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.lang.management.ManagementFactory;
import java.util.Random;

/// Prints how many elements a second each kernel does on one thread, at SmolLM2-135M's shapes.
///
///     java --add-modules jdk.incubator.vector -cp … dev.nudge.bench.KernelBench [plain] [seconds]
///
/// An element is one of the operation's output matrix (of the input where there is none). The best
/// round of the thread's own processor time is printed: the machine is shared.
public final class KernelBench {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private static final long WARM_NANOS = 20_000_000_000L;
  private static final int ROWS = 256;
  private static final int WIDTH = 576;
  private static final int INNER = 1536;
  private static final int VOCABULARY = 49152;

  private final Kernels kernels;
  private final double seconds;
  private final Random random = new Random(1);

  private KernelBench(Kernels kernels, double seconds) {
    this.kernels = kernels;
    this.seconds = seconds;
  }

  public static void main(String[] args) {
    boolean plain = args.length > 0 && args[0].equals("plain");
    double seconds = args.length > 0 ? Double.parseDouble(args[args.length - 1]) : 0.5;
    KernelBench bench = new KernelBench(plain ? Kernels.plain() : Kernels.fastest(), seconds);
    System.out.printf("%s kernels, one thread, G elements/s%n", bench.kernels.name());
    for (Dtype c : new Dtype[] {Dtype.BF16, Dtype.F32}) {
      try (Scope scope = Scope.open("bench")) {
        bench.norms(scope, c);
        bench.gates(scope, c);
        bench.attention(scope, c);
        bench.losses(scope, c);
        bench.others(scope, c);
      }
    }
  }

  private void norms(Scope scope, Dtype c) {
    Tensor x = random(scope, c, ROWS, WIDTH);
    Tensor delta = random(scope, c, ROWS, WIDTH);
    Tensor sum = random(scope, c, ROWS, WIDTH);
    Tensor y = random(scope, c, ROWS, WIDTH);
    Tensor w = random(scope, c, 1, WIDTH);
    Tensor rstd = random(scope, Dtype.F32, ROWS, 1);
    Tensor dy = random(scope, Dtype.F32, ROWS, WIDTH);
    Tensor dRes = random(scope, Dtype.F32, ROWS, WIDTH);
    long n = (long) ROWS * WIDTH;
    print(
        "rmsNorm.forward",
        c,
        n,
        () -> kernels.rmsNorm().forward(x, delta, sum, w, y, rstd, 1e-5, 0));
    print("rmsNorm.again", c, n, () -> kernels.rmsNorm().again(sum, rstd, w, y, 0));
    print(
        "rmsNorm.backward",
        c,
        n,
        () -> kernels.rmsNorm().backward(dy, sum, rstd, w, dRes, delta, null, 0));
    print(
        "rmsNorm.backward, y too",
        c,
        n,
        () -> kernels.rmsNorm().backward(dy, sum, rstd, w, dRes, delta, y, 0));
    Tensor positions = scope.tensor(Dtype.I32, ROWS, 1);
    Tensor cos = random(scope, Dtype.F32, ROWS, 32);
    Tensor sin = random(scope, Dtype.F32, ROWS, 32);
    print("rope.apply", c, n, () -> kernels.rope().apply(x, positions, cos, sin, 64, false));
  }

  private void gates(Scope scope, Dtype c) {
    Tensor gate = random(scope, c, ROWS, INNER);
    Tensor up = random(scope, c, ROWS, INNER);
    Tensor h = random(scope, c, ROWS, INNER);
    Tensor dGate = random(scope, c, ROWS, INNER);
    Tensor dUp = random(scope, c, ROWS, INNER);
    long n = (long) ROWS * INNER;
    print("swiGlu.forward", c, n, () -> kernels.swiGlu().forward(gate, up, h));
    Tensor again = random(scope, c, ROWS, INNER);
    print("swiGlu.backward", c, n, () -> kernels.swiGlu().backward(h, gate, up, dGate, dUp, again));
  }

  private void attention(Scope scope, Dtype c) {
    int queries = 128;
    int repeat = 3;
    int keys = 512;
    Tensor scores = random(scope, Dtype.F32, queries * repeat, keys);
    Tensor dP = random(scope, Dtype.F32, queries * repeat, keys);
    Tensor probs = random(scope, c, queries * repeat, keys);
    Tensor dS = random(scope, c, queries * repeat, keys);
    Tensor lse = random(scope, Dtype.F32, queries * repeat, 1);
    Tensor d = random(scope, Dtype.F32, queries * repeat, 1);
    int first = keys - queries;
    long seen = 0;
    for (int i = 0; i < queries; i++) {
      seen += repeat * (first + i + 1L);
    }
    var rows = kernels.softmaxRows();
    print(
        "softmax.forward",
        c,
        seen,
        () -> rows.forward(scores, 0.125, first, repeat, 0, probs, lse));
    print(
        "softmax.backward",
        c,
        seen,
        () -> rows.backward(scores, 0.125, first, repeat, 0, lse, dP, d, probs, dS));
    Tensor o = random(scope, c, ROWS, WIDTH);
    Tensor dO = random(scope, c, ROWS, WIDTH);
    Tensor out = random(scope, Dtype.F32, ROWS, 9);
    print("softmax.rowDots", c, (long) ROWS * WIDTH, () -> rows.rowDots(o, dO, 9, out));
  }

  private void losses(Scope scope, Dtype c) {
    int rows = 32;
    Tensor logits = random(scope, Dtype.F32, rows, VOCABULARY);
    Tensor dLogits = random(scope, c, rows, VOCABULARY);
    Tensor targets = scope.tensor(Dtype.I32, rows, 1);
    Tensor logprob = scope.tensor(Dtype.F64, rows, 1);
    Tensor lse = scope.tensor(Dtype.F32, rows, 1);
    Tensor best = scope.tensor(Dtype.I32, rows, 1);
    long n = (long) rows * VOCABULARY;
    var loss = kernels.crossEntropy();
    print("crossEntropy.forward", c, n, () -> loss.forward(logits, targets, logprob, lse, best));
    print("crossEntropy.gradient", c, n, () -> loss.gradient(logits, targets, lse, 1e-3, dLogits));
  }

  private void others(Scope scope, Dtype c) {
    Tensor x = random(scope, c, ROWS, WIDTH);
    Tensor y = random(scope, c, ROWS, WIDTH);
    Tensor f = random(scope, Dtype.F32, ROWS, WIDTH);
    Tensor keys = scope.tensor(Dtype.I64, ROWS, 1);
    Tensor bias = random(scope, c, 1, WIDTH);
    Tensor ids = scope.tensor(Dtype.I32, ROWS, 1);
    Tensor sum = random(scope, Dtype.F32, 1, WIDTH);
    long n = (long) ROWS * WIDTH;
    var each = kernels.elementwise();
    print("copy to F32", c, n, () -> each.copy(x, f));
    print("copy from F32", c, n, () -> each.copy(f, x));
    print("add", c, n, () -> each.add(x, y));
    print("add to F32", c, n, () -> each.add(x, f));
    print("addBias", c, n, () -> each.addBias(y, bias));
    print("scale", c, n, () -> each.scale(x, 1.0));
    Tensor thin = random(scope, c, ROWS, 16);
    print("scale of rank 16", c, ROWS * 16L, () -> each.scale(thin, 1.0));
    print("dropout", c, n, () -> each.dropout(x, y, keys, 7, 0.1, false));
    print("dropout add", c, n, () -> each.dropout(x, y, keys, 7, 0.1, true));
    print("gather", c, n, () -> each.gather(x, ids, y));
    print("colSum", c, n, () -> each.colSum(x, sum, false));
    print("sumOfSquares", c, n, () -> each.sumOfSquares(x));
    Tensor master = random(scope, Dtype.F32, ROWS, WIDTH);
    Tensor m = random(scope, Dtype.F32, ROWS, WIDTH);
    Tensor v = scope.tensor(Dtype.F32, ROWS, WIDTH);
    AdamW.Hyper hyper = new AdamW.Hyper(1e-5, 0.9, 0.999, 1e-8, 0.01, 1, 1);
    print("adamW.step", c, n, () -> kernels.adamW().step(master, x, f, m, v, hyper));
    Tensor row = master.reshaped(1, n);
    Tensor work = x.reshaped(1, n);
    Tensor grad = f.reshaped(1, n);
    Tensor codes = scope.tensor(Dtype.U8, 1, n);
    Tensor maxima = scope.tensor(Dtype.F32, 1, AdamW8.blocks(n));
    Tensor squareCodes = scope.tensor(Dtype.U8, 1, n);
    Tensor squareMaxima = scope.tensor(Dtype.F32, 1, AdamW8.blocks(n));
    print(
        "adamW8.step",
        c,
        n,
        () ->
            kernels
                .adamW8()
                .step(row, work, grad, codes, maxima, squareCodes, squareMaxima, hyper));
  }

  private Tensor random(Scope scope, Dtype dtype, int rows, int cols) {
    Tensor t = scope.tensor(dtype, rows, cols);
    for (long i = 0; i < t.elements(); i++) {
      t.put(i, random.nextGaussian());
    }
    return t;
  }

  private void print(String name, Dtype c, long elements, Runnable call) {
    warm(call);
    double best = 0;
    long spent = 0;
    while (spent < seconds * 1e9) {
      long start = cpuNanos();
      int calls = 0;
      do {
        call.run();
        calls++;
      } while (cpuNanos() - start < 10_000_000);
      long took = cpuNanos() - start;
      spent += took;
      best = Math.max(best, (double) elements * calls / took);
    }
    System.out.printf("%-22s %-4s %6.2f%n", name, c, best);
  }

  /// Calls until the compiler is through with it: while it is not, every vector is boxed.
  private static void warm(Runnable call) {
    long end = System.nanoTime() + WARM_NANOS;
    for (int quiet = 0; quiet < 200 && System.nanoTime() < end; ) {
      long before = THREADS.getCurrentThreadAllocatedBytes();
      call.run();
      quiet = THREADS.getCurrentThreadAllocatedBytes() == before ? quiet + 1 : 0;
    }
  }

  private static long cpuNanos() {
    return THREADS.getCurrentThreadCpuTime();
  }
}
