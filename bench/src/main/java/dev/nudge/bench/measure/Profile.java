package dev.nudge.bench.measure;

import dev.nudge.kernel.Attend;
import dev.nudge.machine.Backend;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Packed;
import dev.nudge.tensor.Tensor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;

/// Records the parts of a step's time, by wrapping every product and kernel in a clock.
///
/// Shapes classify products: the gradient of a trained weight has the sides of a linear layer and
/// sums over the tokens, the head has the vocabulary for a side, a base layer's weight is the right
/// factor and has the sides of a linear layer, LoRA's have a side that is a small multiple of the
/// rank, the rest is attention. The clocks slow a step by some percent, so reported rates are
/// measured without them.
///
/// Threading: each thread records in its own sheet; read when no step runs.
public final class Profile {
  /// Time and operations of one part.
  public static final class Sum {
    public long nanos;
    public long calls;
    public double flops;
  }

  private final ModelConfig config;
  private final int rank;
  private final Clock clock;
  private final Set<List<Long>> bases = new HashSet<>();
  private final List<Map<String, Sum>> sheets = new CopyOnWriteArrayList<>();
  private final ThreadLocal<Map<String, Sum>> sheet =
      ThreadLocal.withInitial(
          () -> {
            Map<String, Sum> fresh = new TreeMap<>();
            sheets.add(fresh);
            return fresh;
          });

  public Profile(ModelConfig config, int rank, Clock clock) {
    this.config = config;
    this.rank = rank;
    this.clock = clock;
    config.tensors().values().stream()
        .filter(shape -> shape.length == 2)
        .forEach(
            shape -> {
              bases.add(List.of(shape[0], shape[1]));
              bases.add(List.of(shape[1], shape[0]));
            });
  }

  /// Wraps a backend's products and kernels in clocks.
  public Backend around(Backend backend) {
    return new Backend(
        backend.compute(),
        backend.kernels().each(backend.kernels().name(), this::around),
        threads -> new Timed(backend.gemms().apply(threads)),
        backend.name(),
        backend.processor(),
        backend.notes());
  }

  private <T> T around(Class<T> type, T kernel) {
    if (kernel instanceof Attend) {
      return kernel; // its products and rows are timed
    }
    String prefix =
        Character.toLowerCase(type.getSimpleName().charAt(0))
            + type.getSimpleName().substring(1)
            + ".";
    return type.cast(
        Proxy.newProxyInstance(
            type.getClassLoader(),
            new Class<?>[] {type},
            (proxy, method, arguments) -> {
              long start = clock.nanos();
              try {
                return method.invoke(kernel, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause() == null ? e : e.getCause();
              } finally {
                book(prefix + method.getName(), start, 0);
              }
            }));
  }

  private final class Timed implements Gemm {
    private final Gemm gemm;

    Timed(Gemm gemm) {
      this.gemm = gemm;
    }

    @Override
    public void multiply(Tensor a, Tensor b, Tensor c, boolean add) {
      long start = clock.nanos();
      gemm.multiply(a, b, c, add);
      book(kind(a, b, c), start, 2.0 * c.elements() * a.shape(a.rank() - 1));
    }

    @Override
    public boolean packs() {
      return gemm.packs();
    }

    @Override
    public Packed pack(Tensor b, Tensor room) {
      long start = clock.nanos();
      Packed packed = gemm.pack(b, room);
      book("packing of weights", start, 0);
      return packed;
    }

    @Override
    public void multiply(Tensor a, Packed b, Tensor c, boolean add) {
      long start = clock.nanos();
      gemm.multiply(a, b, c, add);
      book(kind(a, b.factor(), c), start, 2.0 * c.elements() * a.shape(a.rank() - 1));
    }

    @Override
    public void close() {
      gemm.close();
    }
  }

  private void book(String part, long start, double flops) {
    long nanos = clock.nanos() - start;
    Sum sum = sheet.get().computeIfAbsent(part, p -> new Sum());
    sum.nanos += nanos;
    sum.calls++;
    sum.flops += flops;
  }

  private String kind(Tensor a, Tensor b, Tensor c) {
    int last = c.rank() - 1;
    long m = c.shape(last - 1);
    long n = c.shape(last);
    long k = a.shape(last);
    boolean gradient = a.stride(last) != 1; // sums over the tokens: a transposed left factor
    if (gradient && bases.contains(List.of(m, n))) {
      return m == config.vocabSize() ? "product, dW of the head" : "product, dW";
    }
    if (n == config.vocabSize() || k == config.vocabSize()) {
      return "product, head";
    }
    long least = Math.min(m, Math.min(n, k));
    if (least < config.headDim() && least % rank == 0) {
      return "product, LoRA " + lora(a, least);
    }
    return bases.contains(List.of(k, n)) ? "product, base" : "product, attention";
  }

  /// A gradient sums over the tokens, so its left factor is a transposed view.
  private static String lora(Tensor a, long least) {
    int last = a.rank() - 1;
    return a.stride(last) != 1 ? "gradients" : a.shape(last) == least ? "from rank" : "to rank";
  }

  /// Clears all recorded times.
  public void clear() {
    sheets.forEach(Map::clear);
  }

  /// Returns each thread's times since the last [#clear].
  public List<Map<String, Sum>> sheets() {
    return new ArrayList<>(sheets);
  }
}
