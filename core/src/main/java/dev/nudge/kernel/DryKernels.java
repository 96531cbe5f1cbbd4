package dev.nudge.kernel;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.lang.reflect.Proxy;

/// Makes kernels that compute nothing and take the room that others take, for passes that only
/// measure the memory they would take.
final class DryKernels {
  private DryKernels() {}

  /// The dry twin of a kernel.
  static <K> K of(Class<K> type, K kernel) {
    return switch (kernel) {
      case Attend _ -> kernel; // its products are counted
      case FewRows rows -> type.cast(new DryFewRows(rows));
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

  /// Takes the room that products of few rows take, and multiplies nothing.
  private record DryFewRows(FewRows rows) implements FewRows {
    @Override
    public boolean takes(Weight w, Dtype compute) {
      return rows.takes(w, compute);
    }

    @Override
    public boolean alike(Weight one, Weight other) {
      return rows.alike(one, other);
    }

    @Override
    public Tensor arranged(Tensor x, Weight w, Workspace ws) {
      return rows.arranged(x, w, ws);
    }

    @Override
    public void multiply(
        Tensor x, Weight w, Dtype compute, int from, int to, Tensor y, boolean add) {}
  }
}
