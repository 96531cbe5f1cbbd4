package dev.nudge.kernel;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.lang.reflect.Proxy;

/// Makes kernels for a dry run: they compute nothing, and allocate the workspace memory that the
/// real kernels allocate.
final class DryKernels {
  private DryKernels() {}

  /// The dry-run counterpart of a kernel.
  static <K> K of(Class<K> type, K kernel) {
    return switch (kernel) {
      case Attend _ -> kernel; // its products are counted
      case DeltaRule _ -> kernel; // it takes the memory of its backward pass
      case SkinnyProduct rows -> type.cast(new DryFewRows(rows));
      default -> nothing(type);
    };
  }

  private static <K> K nothing(Class<K> type) {
    return type.cast(
        Proxy.newProxyInstance(
            type.getClassLoader(),
            new Class<?>[] {type},
            (proxy, method, arguments) -> method.getReturnType() == double.class ? 0.0 : null));
  }

  /// Allocates what the real kernel allocates, and multiplies nothing.
  private record DryFewRows(SkinnyProduct rows) implements SkinnyProduct {
    @Override
    public boolean takes(Weight w, Dtype compute) {
      return rows.takes(w, compute);
    }

    @Override
    public boolean alike(Weight one, Weight other) {
      return rows.alike(one, other);
    }

    @Override
    public Tensor room(Tensor x, Weight w, Workspace ws) {
      return rows.room(x, w, ws);
    }

    @Override
    public void arrange(Tensor x, Weight w, Tensor to) {}

    @Override
    public Tensor some(Tensor arranged, int from, int to) {
      return rows.some(arranged, from, to);
    }

    @Override
    public void multiply(
        Tensor x, Weight w, Dtype compute, int from, int to, Tensor y, boolean add) {}
  }
}
