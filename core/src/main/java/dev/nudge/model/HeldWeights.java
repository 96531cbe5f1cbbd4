package dev.nudge.model;

import dev.nudge.format.SafeTensors;
import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.Nf4;
import dev.nudge.machine.Backend;
import dev.nudge.nn.DenseLinear;
import dev.nudge.nn.Linear;
import dev.nudge.nn.StoredLinear;
import dev.nudge.quant.NestedScales;
import dev.nudge.quant.Nf4Weight;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.PageAdvice;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/// The weights of a model file: read in place where they are stored as they compute, else converted
/// or quantised into memory, a tensor at a time on each processor.
final class HeldWeights implements WeightSource {
  private final Backend backend;
  private final Map<String, Tensor> tensors = new ConcurrentHashMap<>();
  private final Map<String, Nf4Weight> nf4 = new ConcurrentHashMap<>(); // by path

  private HeldWeights(Backend backend) {
    this.backend = backend;
  }

  /// Reads tensors of a checked file.
  ///
  /// @param shapes of those to read
  /// @param scope owns what is not read in place
  static HeldWeights of(
      SafeTensors file, Map<String, long[]> shapes, Backend backend, Quantization q, Scope scope) {
    HeldWeights held = new HeldWeights(backend);
    List<Runnable> work = new ArrayList<>();
    try (Scope meanwhile = Scope.open("scales")) {
      IntFunction<Tensor> scales = scales(shapes, q, meanwhile);
      shapes.forEach(
          (name, shape) -> work.add(() -> held.take(file, name, shape, q, scope, scales)));
      work.parallelStream().forEach(Runnable::run);
    }
    return held;
  }

  /// Room of each thread's own for the scales of a weight.
  static IntFunction<Tensor> scales(Map<String, long[]> shapes, Quantization q, Scope meanwhile) {
    long most = 0;
    for (Map.Entry<String, long[]> e : shapes.entrySet()) {
      String path = ModelConfig.projection(e.getKey(), e.getValue());
      if (path != null && q.covers(path)) {
        most = Math.max(most, e.getValue()[0] * e.getValue()[1]);
      }
    }
    long bytes = 4L * Nf4.blocks(most);
    ThreadLocal<MemorySegment> own = ThreadLocal.withInitial(() -> meanwhile.allocate(bytes));
    return n -> Tensor.of(own.get(), Dtype.F32, 1, n);
  }

  private void take(
      SafeTensors file,
      String name,
      long[] shape,
      Quantization q,
      Scope scope,
      IntFunction<Tensor> scales) {
    Nf4Weight weight = nf4(file, name, shape, q, scope, backend.kernels(), scales);
    if (weight != null) {
      nf4.put(Objects.requireNonNull(ModelConfig.projection(name, shape)), weight);
      return;
    }
    Tensor stored = file.tensor(name);
    if (stored.dtype() == backend.compute()) {
      tensors.put(name, stored);
    } else {
      Tensor converted = scope.tensor(backend.compute(), stored.shape());
      backend.kernels().elementwise().copy(matrix(stored), matrix(converted));
      tensors.put(name, converted);
    }
  }

  /// A weight that is stored in NF4, or is to be held so; null for another.
  ///
  /// @param scales as [Nf4Weight#quantize] wants them
  static @Nullable Nf4Weight nf4(
      SafeTensors file,
      String name,
      long[] shape,
      Quantization q,
      Scope scope,
      Kernels kernels,
      IntFunction<Tensor> scales) {
    String path = ModelConfig.projection(name, shape);
    if (path == null) {
      return null;
    }
    if (StoredNf4.is(file, name)) {
      return StoredNf4.read(file, name, (int) shape[0], (int) shape[1]);
    }
    if (!q.covers(path)) {
      return null;
    }
    Nf4Weight weight =
        Nf4Weight.quantize(file.tensor(name), q.doubleQuant(), scope, kernels, scales);
    PageAdvice.drop(file.bytes(name));
    return weight;
  }

  /// Counts what [#of] takes from its scope and what it reads in place.
  static WeightBytes bytes(
      SafeTensors file, Map<String, long[]> shapes, Backend backend, Quantization q) {
    long mapped = 0;
    long dense = 0;
    long packed = 0;
    long constants = 0;
    for (Map.Entry<String, long[]> e : shapes.entrySet()) {
      String name = e.getKey();
      long[] shape = e.getValue();
      String path = ModelConfig.projection(name, shape);
      if (path != null && StoredNf4.is(file, name)) {
        mapped += StoredNf4.read(file, name, (int) shape[0], (int) shape[1]).bytes();
        continue;
      }
      Tensor stored = file.tensor(name);
      long n = stored.elements();
      if (path != null && q.covers(path)) {
        packed += Nf4.bytes(n);
        constants += Nf4Weight.bytes(n, q.doubleQuant()) - Nf4.bytes(n);
      } else if (stored.dtype() == backend.compute()) {
        mapped += stored.bytes();
      } else {
        dense += n * backend.compute().bytes();
      }
    }
    return new WeightBytes(mapped, dense, packed, constants);
  }

  /// Weights without numbers.
  static WeightSource dry(Map<String, long[]> shapes, Backend backend, Quantization q) {
    HeldWeights held = new HeldWeights(backend);
    shapes.forEach(
        (name, shape) -> {
          String path = ModelConfig.projection(name, shape);
          if (path != null && q.covers(path)) {
            held.nf4.put(path, Nf4Weight.dry((int) shape[0], (int) shape[1], q.doubleQuant()));
          } else {
            held.tensors.put(name, Tensor.dry(backend.compute(), shape));
          }
        });
    return held;
  }

  /// Random numbers in memory ([Checkpoint#random]); a quantised layer is never whole in memory
  /// with another one's numbers.
  static WeightSource random(
      Map<String, long[]> shapes, Backend backend, Quantization q, Scope scope, Fill fill) {
    HeldWeights held = new HeldWeights(backend);
    shapes.entrySet().parallelStream()
        .forEach(
            e -> {
              String name = e.getKey();
              String path = ModelConfig.projection(name, e.getValue());
              if (path != null && q.covers(path)) {
                try (Scope meanwhile = Scope.open("random weight")) {
                  Tensor dense = meanwhile.tensor(backend.compute(), e.getValue());
                  fill.fill(dense, name);
                  held.nf4.put(
                      path, Nf4Weight.quantize(dense, q.doubleQuant(), scope, backend.kernels()));
                }
              } else {
                Tensor dense = scope.tensor(backend.compute(), e.getValue());
                fill.fill(dense, name);
                held.tensors.put(name, dense);
              }
            });
    return held;
  }

  /// A vector as one row.
  static Tensor matrix(Tensor t) {
    return t.rank() == 2 ? t : t.reshaped(1, t.elements());
  }

  @Override
  public List<MemorySegment> mapped(String prefix) {
    List<MemorySegment> parts = new ArrayList<>();
    tensors.forEach(
        (name, tensor) -> {
          if (name.startsWith(prefix)) {
            parts.add(tensor.data());
          }
        });
    nf4.forEach(
        (path, weight) -> {
          if (path.startsWith(prefix)) {
            parts.add(weight.packed().data());
            Tensor absmax = weight.absmax();
            NestedScales nested = weight.nested();
            parts.add(
                absmax != null ? absmax.data() : Objects.requireNonNull(nested).codes().data());
          }
        });
    parts.removeIf(part -> !PageAdvice.isFile(part));
    return parts;
  }

  @Override
  public Tensor tensor(String name) {
    return Objects.requireNonNull(tensors.get(name), name);
  }

  @Override
  public Linear linear(String path, @Nullable Tensor bias) {
    Nf4Weight weight = nf4.get(path);
    return weight == null
        ? DenseLinear.of(tensor(path + ".weight"), bias)
        : StoredLinear.of(weight, bias, backend.compute());
  }
}
