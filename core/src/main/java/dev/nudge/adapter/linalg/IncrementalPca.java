package dev.nudge.adapter.linalg;

import dev.nudge.kernel.Kernels;
import dev.nudge.machine.Backend;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;

/// Principal components of rows that come in batches [1]: with n rows so far, mean μ, components C
/// (k, d) and singular values S, a batch X of m rows and mean ν gives those of
///
/// ```
/// [ S·C ; X − ν ; √(n·m/(n+m))·(μ − ν) ]
/// ```
///
/// so memory is that of the components and of one batch. Signs are such that the largest entry of a
/// component is positive.
///
/// Threading: one thread.
///
/// [1] Ross et al., "Incremental Learning for Robust Visual Tracking", IJCV 2008.
public final class IncrementalPca {
  private static final int ROUNDS = 4;

  private final Backend backend;
  private final int threads;
  private final Tensor components; // (k, d)
  private final double[] singular;
  private final double[] mean;
  private final double[] squares; // of the distances to the mean, by column
  private long rows;
  private double least; // cosine of a component to the one before

  /// @param scope owns the components
  public IncrementalPca(int width, int k, Backend backend, int threads, Scope scope) {
    this.backend = backend;
    this.threads = threads;
    this.components = scope.tensor(Dtype.F32, k, width);
    this.singular = new double[k];
    this.mean = new double[width];
    this.squares = new double[width];
  }

  /// The components, the largest first.
  public Tensor components() {
    return components;
  }

  /// The least cosine of a component to what it was before the last batch.
  public double least() {
    return least;
  }

  /// The share of the rows' variance that each component has.
  public double[] shares() {
    double all = 0;
    for (double square : squares) {
      all += square;
    }
    double[] shares = new double[singular.length];
    for (int i = 0; i < shares.length && all > 0; i++) {
      shares[i] = singular[i] * singular[i] / all;
    }
    return shares;
  }

  /// Takes a batch, of at least as many rows as there are components.
  ///
  /// @param x of any float type
  /// @param picked the rows of x that count
  public void add(Tensor x, int[] picked) {
    int k = singular.length;
    int before = rows == 0 ? 0 : k;
    int stacked = before + picked.length + (rows == 0 ? 0 : 1);
    long bytes;
    try (Workspace dry = Workspace.measuring()) {
      dry.take(Dtype.F32, stacked, mean.length);
      dry.take(Dtype.F32, k, mean.length);
      iteration(stacked, dry, backend.kernels().dry());
      bytes = dry.peak();
    }
    try (Workspace ws = new Workspace(0, bytes, backend.gemms().apply(threads))) {
      Tensor stack = ws.take(Dtype.F32, stacked, mean.length);
      Tensor next = ws.take(Dtype.F32, k, mean.length);
      fill(stack, before, x, picked);
      SubspaceIteration iteration = iteration(stacked, ws, backend.kernels());
      SymmetricEigen parts = iteration.run(each -> each.take(stack, 0), k, ROUNDS);
      next.zero();
      int found = iteration.right(parts, next);
      take(next, found, parts.values());
    }
  }

  private SubspaceIteration iteration(int stacked, Workspace ws, Kernels kernels) {
    int k = Math.min(2 * singular.length, Math.min(stacked, mean.length));
    return new SubspaceIteration(stacked, mean.length, k, ws, kernels);
  }

  /// Fills the stack, and takes the batch into mean and variance.
  private void fill(Tensor stack, int before, Tensor x, int[] picked) {
    int m = picked.length;
    double correction = Math.sqrt((double) rows * m / (rows + m));
    for (int c = 0; c < mean.length; c++) {
      double sum = 0;
      for (int row : picked) {
        sum += x.get(row, c);
      }
      double ownMean = sum / m;
      double apart = mean[c] - ownMean;
      for (int i = 0; i < before; i++) {
        stack.set(i, c, singular[i] * components.get(i, c));
      }
      for (int i = 0; i < m; i++) {
        double off = x.get(picked[i], c) - ownMean;
        squares[c] += off * off;
        stack.set(before + i, c, off);
      }
      if (before > 0) {
        stack.set(before + m, c, correction * apart);
        squares[c] += correction * correction * apart * apart;
      }
      mean[c] -= apart * m / (rows + m);
    }
    rows += m;
  }

  private void take(Tensor next, int found, double[] values) {
    least = rows == 0 || found < singular.length ? -1 : 1;
    for (int i = 0; i < singular.length; i++) {
      singular[i] = i < found ? Math.sqrt(Math.max(0, values[i])) : 0;
      double sign = sign(next, i);
      double cosine = 0;
      for (int c = 0; c < mean.length; c++) {
        double value = sign * next.get(i, c);
        cosine += value * components.get(i, c);
        components.set(i, c, value);
      }
      least = Math.min(least, cosine);
    }
  }

  private static double sign(Tensor components, int i) {
    double largest = 0;
    for (int c = 0; c < components.cols(); c++) {
      double value = components.get(i, c);
      largest = Math.abs(value) > Math.abs(largest) ? value : largest;
    }
    return largest < 0 ? -1 : 1;
  }
}
