package dev.nudge;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import org.bytedeco.javacpp.DoublePointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;

/// Carries matrices to libtorch and back: its autograd in float64 is the oracle of gradients.
///
/// Use it inside `try (PointerScope scope = new PointerScope())`, which frees what libtorch made.
public final class Torch {
  private static final @Nullable String MISSING = missing();

  private Torch() {}

  private static @Nullable String missing() {
    try {
      Loader.load(torch.class);
      return null;
    } catch (UnsatisfiedLinkError | NoClassDefFoundError e) {
      return String.valueOf(e.getMessage());
    }
  }

  /// Skips the test where libtorch's natives are not there.
  public static void assume() {
    assumeTrue(MISSING == null, () -> "libtorch has no natives here: " + MISSING);
  }

  /// A copy as float64, or as int64 where the tensor holds whole numbers; rank 2.
  public static org.bytedeco.pytorch.Tensor of(Tensor t) {
    long[] shape = {t.rows(), t.cols()};
    int n = t.rows() * t.cols();
    double[] values = new double[n];
    for (int i = 0; i < n; i++) {
      values[i] = t.get(i / t.cols(), i % t.cols());
    }
    if (t.dtype().floating()) {
      try (DoublePointer data = new DoublePointer(values)) {
        return torch.from_blob(data, shape, new TensorOptions(ScalarType.Double)).clone();
      }
    }
    long[] whole = new long[n];
    for (int i = 0; i < n; i++) {
      whole[i] = (long) values[i];
    }
    try (LongPointer data = new LongPointer(whole)) {
      return torch.from_blob(data, shape, new TensorOptions(ScalarType.Long)).clone();
    }
  }

  /// A copy whose gradient is wanted.
  public static org.bytedeco.pytorch.Tensor leaf(Tensor t) {
    org.bytedeco.pytorch.Tensor leaf = of(t);
    leaf.set_requires_grad(true);
    return leaf;
  }

  /// A copy of a float64 matrix.
  public static Tensor from(org.bytedeco.pytorch.Tensor t, Scope scope) {
    double[] values = values(t);
    Tensor copy = scope.tensor(Dtype.F64, t.size(0), t.size(1));
    for (int i = 0; i < values.length; i++) {
      copy.put(i, values[i]);
    }
    return copy;
  }

  /// The numbers of a float64 tensor, row-major.
  public static double[] values(org.bytedeco.pytorch.Tensor t) {
    double[] values = new double[(int) t.numel()];
    t.detach().contiguous().data_ptr_double().get(values);
    return values;
  }

  /// The largest difference between a matrix and libtorch's, over the larger of 1 and libtorch's
  /// largest number.
  public static double difference(Tensor got, org.bytedeco.pytorch.Tensor expected) {
    double[] values = values(expected);
    if (values.length != got.rows() * got.cols()) {
      throw new AssertionError(got + " against " + values.length + " numbers");
    }
    double off = 0;
    double largest = 1;
    for (int i = 0; i < values.length; i++) {
      double d = Math.abs(got.get(i / got.cols(), i % got.cols()) - values[i]);
      off = Double.isNaN(d) ? Double.POSITIVE_INFINITY : Math.max(off, d);
      largest = Math.max(largest, Math.abs(values[i]));
    }
    return off / largest;
  }

  /// A number as libtorch wants it.
  public static Scalar scalar(double v) {
    return new Scalar(v);
  }
}
