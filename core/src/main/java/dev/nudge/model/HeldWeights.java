package dev.nudge.model;

import dev.nudge.format.SafeTensors;
import dev.nudge.machine.Backend;
import dev.nudge.nn.DenseLinear;
import dev.nudge.nn.Linear;
import dev.nudge.nn.StoredLinear;
import dev.nudge.quant.StoredWeight;
import dev.nudge.quant.WeightFormat;
import dev.nudge.quant.WeightFormats;
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
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// The weights of a model file: read in place where they are stored as they compute, else converted
/// or quantised into memory, a tensor at a time on each processor.
final class HeldWeights implements WeightSource {
  private final Backend backend;
  private final Map<String, Tensor> tensors = new ConcurrentHashMap<>();
  private final Map<String, StoredWeight> stored = new ConcurrentHashMap<>(); // by name

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
      Supplier<MemorySegment> room = room(shapes, q, meanwhile);
      shapes.forEach((name, shape) -> work.add(() -> take(file, name, shape, q, scope, room)));
      work.parallelStream().forEach(Runnable::run);
    }
  }

  /// Room of each thread's own for what a weight needs while it is made: freeing it waits for all
  /// threads of the process, so it is always the same.
  private static Supplier<MemorySegment> room(
      Map<String, long[]> shapes, Quantization q, Scope meanwhile) {
    long most = 0;
    for (Map.Entry<String, long[]> e : shapes.entrySet()) {
      WeightFormat format = q.format(e.getKey(), e.getValue());
      if (format != null) {
        most = Math.max(most, format.room(e.getValue()[0] * e.getValue()[1]));
      }
    }
    long bytes = most;
    return ThreadLocal.withInitial(() -> meanwhile.allocate(bytes))::get;
  }

  private void take(
      SafeTensors file,
      String name,
      long[] shape,
      Quantization q,
      Scope scope,
      Supplier<MemorySegment> room) {
    StoredWeight weight = weight(file, name, shape, q, scope, room);
    if (weight != null) {
      stored.put(name, weight);
    } else if (once == null) {
      tensors.put(name, made(file.tensor(name), scope));
    }
  }

  /// A tensor in the compute type.
  private Tensor made(Tensor dense, Scope scope) {
    if (dense.dtype() == backend.compute()) {
      return dense;
    }
    Tensor converted = scope.tensor(backend.compute(), dense.shape());
    backend.kernels().elementwise().copy(matrix(dense), matrix(converted));
    return converted;
  }

  /// A weight that is stored quantised, or is to be held so; null for another.
  ///
  /// @param room as [WeightFormat#make] wants it
  private @Nullable StoredWeight weight(
      SafeTensors file,
      String name,
      long[] shape,
      Quantization q,
      Scope scope,
      Supplier<MemorySegment> room) {
    WeightFormat own = stored(file, name, shape);
    WeightFormat format = own == null ? q.format(name, shape) : own;
    if (format == null) {
      return null;
    }
    int rows = (int) shape[0];
    int cols = (int) shape[1];
    if (scope.dry()) {
      if (own == null) {
        scope.allocate(format.bytes((long) rows * cols));
      }
      return format.dry(rows, cols);
    }
    if (own != null) {
      return own.open(file, name, rows, cols);
    }
    StoredWeight weight = format.make(file.tensor(name), scope, backend.kernels(), room.get());
    PageAdvice.drop(file.bytes(name));
    return weight;
  }

  /// The format in which the file has a layer's weight; null: it is dense, or no layer's.
  private static @Nullable WeightFormat stored(SafeTensors file, String name, long[] shape) {
    return ModelConfig.projection(name, shape) == null ? null : WeightFormats.in(file, name);
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
      WeightFormat own = stored(file, name, shape);
      if (own != null) {
        mapped += own.open(file, name, (int) shape[0], (int) shape[1]).bytes();
        continue;
      }
      Tensor tensor = file.tensor(name);
      long n = tensor.elements();
      WeightFormat format = q.format(name, shape);
      if (format != null) {
        packed += format.codes(n);
        constants += format.bytes(n) - format.codes(n);
      } else if (tensor.dtype() == backend.compute()) {
        mapped += tensor.bytes();
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
          WeightFormat format = q.format(name, shape);
          if (format != null) {
            held.stored.put(name, format.dry((int) shape[0], (int) shape[1]));
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
              WeightFormat format = q.format(name, e.getValue());
              if (format != null) {
                try (Scope meanwhile = Scope.open("random weight")) {
                  Tensor dense = meanwhile.tensor(backend.compute(), e.getValue());
                  fill.fill(dense, name);
                  MemorySegment room = meanwhile.allocate(format.room(dense.elements()));
                  held.stored.put(name, format.make(dense, scope, backend.kernels(), room));
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
    stored.forEach(
        (name, weight) -> {
          if (name.startsWith(prefix)) {
            weight.parts().forEach(part -> parts.add(part.data()));
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
    StoredWeight packed = stored.get(weight);
    Dtype compute = backend.compute();
    if (packed != null || once == null) {
      return packed == null
          ? DenseLinear.of(tensor(weight), bias)
          : StoredLinear.ofRows(
              packed, bias, compute, once == null ? Long.MAX_VALUE : once.blockBytes);
    }
    Tensor dense = once.file.tensor(weight);
    return dense.dtype() == compute
        ? DenseLinear.of(dense, bias)
        : StoredLinear.ofRows(StoredLinear.source(dense), bias, compute, once.blockBytes);
  }
}
