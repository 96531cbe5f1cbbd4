package dev.nudge.model;

import dev.nudge.format.SafeTensors;
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
  private final Map<String, Nf4Weight> nf4 = new ConcurrentHashMap<>(); // by the weight's name

  private final @Nullable Once once; // null: all is held

  /// A file whose dense weights are made when they are asked for.
  ///
  /// @param scope owns what is made
  /// @param blockBytes most of a weight that is in another form than it computes in
  private record Once(SafeTensors file, Scope scope, long blockBytes) {}

  private HeldWeights(Backend backend, @Nullable Once once) {
    this.backend = backend;
    this.once = once;
  }

  /// Reads tensors of a checked file.
  ///
  /// @param shapes of those to read
  /// @param scope owns what is not read in place
  static HeldWeights of(
      SafeTensors file, Map<String, long[]> shapes, Backend backend, Quantization q, Scope scope) {
    HeldWeights held = new HeldWeights(backend, null);
    held.take(file, shapes, q, scope);
    return held;
  }

  /// Reads tensors of a checked file that are gone through once, one decoder layer's: those to be
  /// quantised now, on all processors; dense ones stay in the file as they are stored.
  ///
  /// @param shapes of those to read
  /// @param scope owns what is made; a measuring one counts it and is given weights without numbers
  /// @param blockBytes most of a weight that is in another form than it computes in
  static HeldWeights once(
      SafeTensors file,
      Map<String, long[]> shapes,
      Backend backend,
      Quantization q,
      Scope scope,
      long blockBytes) {
    HeldWeights held = new HeldWeights(backend, new Once(file, scope, blockBytes));
    held.take(file, shapes, q, scope);
    return held;
  }

  private void take(SafeTensors file, Map<String, long[]> shapes, Quantization q, Scope scope) {
    List<Runnable> work = new ArrayList<>();
    try (Scope meanwhile = Scope.open("scales")) {
      IntFunction<Tensor> scales = scales(shapes, q, meanwhile);
      shapes.forEach((name, shape) -> work.add(() -> take(file, name, shape, q, scope, scales)));
      work.parallelStream().forEach(Runnable::run);
    }
  }

  /// Room of each thread's own for the scales of a weight.
  private static IntFunction<Tensor> scales(
      Map<String, long[]> shapes, Quantization q, Scope meanwhile) {
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
    Nf4Weight weight = nf4(file, name, shape, q, scope, scales);
    if (weight != null) {
      nf4.put(name, weight);
    } else if (once == null) {
      tensors.put(name, made(file.tensor(name), scope));
    }
  }

  /// A tensor in the compute type.
  private Tensor made(Tensor stored, Scope scope) {
    if (stored.dtype() == backend.compute()) {
      return stored;
    }
    Tensor converted = scope.tensor(backend.compute(), stored.shape());
    backend.kernels().elementwise().copy(matrix(stored), matrix(converted));
    return converted;
  }

  /// A weight that is stored in NF4, or is to be held so; null for another.
  ///
  /// @param scales as [Nf4Weight#quantize] wants them
  private @Nullable Nf4Weight nf4(
      SafeTensors file,
      String name,
      long[] shape,
      Quantization q,
      Scope scope,
      IntFunction<Tensor> scales) {
    String path = ModelConfig.projection(name, shape);
    if (path == null) {
      return null;
    }
    boolean stored = StoredNf4.is(file, name);
    if (!stored && !q.covers(path)) {
      return null;
    }
    int rows = (int) shape[0];
    int cols = (int) shape[1];
    if (scope.dry()) {
      if (!stored) {
        scope.allocate(Nf4Weight.bytes((long) rows * cols, q.doubleQuant()));
      }
      return Nf4Weight.dry(rows, cols, q.doubleQuant());
    }
    if (stored) {
      return StoredNf4.read(file, name, rows, cols);
    }
    Nf4Weight weight =
        Nf4Weight.quantize(file.tensor(name), q.doubleQuant(), scope, backend.kernels(), scales);
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
    HeldWeights held = new HeldWeights(backend, null);
    shapes.forEach(
        (name, shape) -> {
          String path = ModelConfig.projection(name, shape);
          if (path != null && q.covers(path)) {
            held.nf4.put(name, Nf4Weight.dry((int) shape[0], (int) shape[1], q.doubleQuant()));
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
    HeldWeights held = new HeldWeights(backend, null);
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
                      name, Nf4Weight.quantize(dense, q.doubleQuant(), scope, backend.kernels()));
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
    return once == null
        ? Objects.requireNonNull(tensors.get(name), name)
        : made(once.file.tensor(name), once.scope);
  }

  @Override
  public Linear linear(String weight, @Nullable Tensor bias) {
    Nf4Weight packed = nf4.get(weight);
    Dtype compute = backend.compute();
    if (packed != null || once == null) {
      return packed == null
          ? DenseLinear.of(tensor(weight), bias)
          : StoredLinear.ofRows(
              packed, bias, compute, once == null ? Long.MAX_VALUE : once.blockBytes);
    }
    Tensor stored = once.file.tensor(weight);
    return stored.dtype() == compute
        ? DenseLinear.of(stored, bias)
        : StoredLinear.ofRows(StoredLinear.source(stored), bias, compute, once.blockBytes);
  }
}
