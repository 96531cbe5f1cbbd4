package dev.nudge.model;

import dev.nudge.format.WeightFile;
import dev.nudge.machine.Backend;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.model.family.WeightSource;
import dev.nudge.nn.DenseLinear;
import dev.nudge.nn.LookupLinear;
import dev.nudge.nn.StoredLinear;
import dev.nudge.quant.StoredWeight;
import dev.nudge.quant.WeightFormat;
import dev.nudge.quant.WeightFormats;
import dev.nudge.quant.WritableFormat;
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

/// The weights of a model file. Weights in the compute type are read in place, others converted or
/// quantised into memory, one tensor at a time on each processor.
final class HeldWeights implements WeightSource {
  private static final long END_BYTES = 8 << 20;

  private final Backend backend;
  private final Map<String, Tensor> tensors = new ConcurrentHashMap<>();
  private final Map<String, StoredWeight> stored = new ConcurrentHashMap<>(); // by name

  private final @Nullable Once once; // null: all is held

  /// A file whose dense weights are converted on each request.
  ///
  /// @param scope owns the converted weights
  /// @param blockBytes maximum bytes of a weight that are converted at a time
  private record Once(WeightFile file, Scope scope, long blockBytes) {}

  private HeldWeights(Backend backend, @Nullable Once once) {
    this.backend = backend;
    this.once = once;
  }

  /// Reads tensors of a checked file.
  ///
  /// @param shapes of the tensors to read
  /// @param wanted how dense layers are held; layers stored quantised stay quantised
  /// @param scope owns the tensors that are not read in place
  static HeldWeights of(
      ModelWeights file,
      Map<String, long[]> shapes,
      Backend backend,
      Quantization wanted,
      Scope scope) {
    HeldWeights held = new HeldWeights(backend, null);
    held.take(file, shapes, wanted, scope);
    return held;
  }

  /// Reads tensors of a checked file that are used once, such as one decoder layer's: layers to
  /// quantise are quantised now, on all processors; dense tensors stay in the file as stored.
  ///
  /// @param shapes of the tensors to read
  /// @param wanted as in [#of]
  /// @param scope owns the quantised weights; a measuring scope counts bytes and gets no numbers
  /// @param blockBytes maximum bytes of a weight that are converted at a time
  static HeldWeights once(
      ModelWeights file,
      Map<String, long[]> shapes,
      Backend backend,
      Quantization wanted,
      Scope scope,
      long blockBytes) {
    HeldWeights held = new HeldWeights(backend, new Once(file.file(), scope, blockBytes));
    held.take(file, shapes, wanted, scope);
    return held;
  }

  private void take(
      ModelWeights weights, Map<String, long[]> shapes, Quantization wanted, Scope scope) {
    List<Runnable> work = new ArrayList<>();
    try (Scope meanwhile = Scope.open("scales")) {
      Supplier<MemorySegment> room = room(shapes, weights.held(wanted), meanwhile);
      shapes.forEach(
          (name, shape) -> work.add(() -> take(weights, name, shape, wanted, scope, room)));
      work.parallelStream().forEach(Runnable::run);
    }
  }

  /// Scratch memory of each thread for converting a weight. Freeing it waits for all threads of the
  /// process, so each thread keeps it.
  private static Supplier<MemorySegment> room(
      Map<String, long[]> shapes, Quantization q, Scope meanwhile) {
    long most = 0;
    for (Map.Entry<String, long[]> e : shapes.entrySet()) {
      WritableFormat format = q.making(e.getKey(), e.getValue());
      if (format != null) {
        most = Math.max(most, format.room(e.getValue()[0] * e.getValue()[1]));
      }
    }
    long bytes = most;
    return ThreadLocal.withInitial(() -> meanwhile.allocate(bytes))::get;
  }

  private void take(
      ModelWeights weights,
      String name,
      long[] shape,
      Quantization wanted,
      Scope scope,
      Supplier<MemorySegment> room) {
    WeightFile file = weights.file();
    WeightFormat own = weights.layers().format(name, shape);
    WritableFormat format = weights.held(wanted).making(name, shape);
    if (own != null) {
      stored.put(name, read(file, own, name, shape, scope));
    } else if (format != null) {
      stored.put(name, made(file, format, name, shape, scope, room));
    } else if (once == null) {
      tensors.put(name, made(file.tensor(name), file.copied(name), scope));
    }
  }

  /// A tensor in the compute type.
  ///
  /// @param copy whether it is not in the file
  private Tensor made(Tensor dense, boolean copy, Scope scope) {
    if (dense.dtype() == backend.compute() && !copy) {
      return dense;
    }
    Tensor converted = scope.tensor(backend.compute(), dense.shape());
    backend.kernels().elementwise().copy(matrix(dense), matrix(converted));
    return converted;
  }

  private static StoredWeight read(
      WeightFile file, WeightFormat own, String name, long[] shape, Scope scope) {
    int rows = (int) shape[0];
    int cols = (int) shape[1];
    if (!scope.dry()) {
      return own.load(file, WeightFormats.module(name), rows, cols, scope);
    }
    StoredWeight dry = own.dry(WeightFormats.module(name), rows, cols);
    if (!own.inPlace()) {
      scope.allocate(dry.bytes());
    }
    return dry;
  }

  /// @param room scratch memory, as [WritableFormat#make] needs it
  private StoredWeight made(
      WeightFile file,
      WritableFormat format,
      String name,
      long[] shape,
      Scope scope,
      Supplier<MemorySegment> room) {
    if (scope.dry()) {
      StoredWeight dry = format.dry(WeightFormats.module(name), (int) shape[0], (int) shape[1]);
      scope.allocate(dry.bytes());
      return dry;
    }
    StoredWeight weight = format.make(file.tensor(name), scope, backend.kernels(), room.get());
    PageAdvice.drop(file.bytes(name));
    return weight;
  }

  /// Weights without numbers.
  static WeightSource dry(Map<String, long[]> shapes, Backend backend, Quantization q) {
    HeldWeights held = new HeldWeights(backend, null);
    shapes.forEach(
        (name, shape) -> {
          WeightFormat format = q.format(name, shape);
          if (format != null) {
            String path = WeightFormats.module(name);
            held.stored.put(name, format.dry(path, (int) shape[0], (int) shape[1]));
          } else {
            held.tensors.put(name, Tensor.dry(backend.compute(), shape));
          }
        });
    return held;
  }

  /// Random weights in memory ([Checkpoint#random]); no two quantised layers are dense in memory at
  /// once.
  static WeightSource random(
      Map<String, long[]> shapes, Backend backend, Quantization q, Scope scope, Fill fill) {
    HeldWeights held = new HeldWeights(backend, null);
    shapes.entrySet().parallelStream()
        .forEach(
            e -> {
              String name = e.getKey();
              WritableFormat format = q.making(name, e.getValue());
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

  /// Returns a vector as a matrix of one row, the taps of a convolution as one row per channel.
  static Tensor matrix(Tensor t) {
    long rows = t.rank() > 1 ? t.shape(0) : 1;
    return t.rank() == 2 ? t : t.reshaped(rows, t.elements() / rows);
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
        : made(once.file.tensor(name), false, once.scope);
  }

  /// Maximum bytes of a stored weight that are dequantised at a time: of the output head, which is
  /// larger than any layer, some of its rows.
  private long blockBytes(String weight) {
    long most = once == null ? Long.MAX_VALUE : once.blockBytes;
    return weight.contains(ModelConfig.LAYERS) ? most : Math.min(most, END_BYTES);
  }

  @Override
  public LookupLinear linear(String weight, @Nullable Tensor bias) {
    StoredWeight packed = stored.get(weight);
    Dtype compute = backend.compute();
    if (packed != null || once == null) {
      return packed == null
          ? DenseLinear.of(tensor(weight), bias)
          : StoredLinear.ofRows(packed, bias, compute, blockBytes(weight));
    }
    Tensor dense = once.file.tensor(weight);
    return dense.dtype() == compute
        ? DenseLinear.of(dense, bias)
        : StoredLinear.ofRows(StoredLinear.source(dense), bias, compute, once.blockBytes);
  }
}
