package dev.nudge.model;

import dev.nudge.format.SafeTensors;
import dev.nudge.machine.Backend;
import dev.nudge.nn.DenseLinear;
import dev.nudge.nn.Linear;
import dev.nudge.nn.StoredLinear;
import dev.nudge.quant.Nf4Weight;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/// The weights of one decoder layer of a file, made when they are asked for: dense ones stay in the
/// file as they are stored, those to be quantised are, on all processors.
final class LayerWeights implements WeightSource {
  private final SafeTensors file;
  private final Backend backend;
  private final Scope scope;
  private final long blockBytes;
  private final Map<String, Nf4Weight> nf4 = new ConcurrentHashMap<>(); // by path

  /// Reads what stands under `prefix` of a checked file.
  ///
  /// @param prefix `model.layers.N.`, or `model.norm`
  /// @param scope owns what is made; a measuring one counts it and is given weights without numbers
  /// @param blockBytes most of a weight that is in another form than it computes in
  LayerWeights(
      SafeTensors file,
      ModelConfig config,
      String prefix,
      Backend backend,
      Quantization q,
      Scope scope,
      long blockBytes) {
    this.file = file;
    this.backend = backend;
    this.scope = scope;
    this.blockBytes = blockBytes;
    Map<String, long[]> shapes = new LinkedHashMap<>(config.tensors());
    shapes.keySet().removeIf(name -> !name.startsWith(prefix));
    try (Scope meanwhile = Scope.open("scales")) {
      IntFunction<Tensor> scales = HeldWeights.scales(shapes, q, meanwhile);
      shapes.entrySet().parallelStream()
          .forEach(
              e -> {
                Nf4Weight weight = nf4(e.getKey(), e.getValue(), q, scales);
                if (weight != null) {
                  String path = ModelConfig.projection(e.getKey(), e.getValue());
                  nf4.put(Objects.requireNonNull(path), weight);
                }
              });
    }
  }

  private @Nullable Nf4Weight nf4(
      String name, long[] shape, Quantization q, IntFunction<Tensor> scales) {
    String path = ModelConfig.projection(name, shape);
    boolean quantised = path != null && (StoredNf4.is(file, name) || q.covers(path));
    if (quantised && scope.dry()) {
      if (!StoredNf4.is(file, name)) {
        scope.allocate(Nf4Weight.bytes(shape[0] * shape[1], q.doubleQuant()));
      }
      return Nf4Weight.dry((int) shape[0], (int) shape[1], q.doubleQuant());
    }
    return HeldWeights.nf4(file, name, shape, q, scope, backend.kernels(), scales);
  }

  @Override
  public Tensor tensor(String name) {
    Tensor stored = file.tensor(name);
    if (stored.dtype() == backend.compute()) {
      return stored;
    }
    Tensor converted = scope.tensor(backend.compute(), stored.shape());
    backend.kernels().elementwise().copy(HeldWeights.matrix(stored), HeldWeights.matrix(converted));
    return converted;
  }

  @Override
  public Linear linear(String path, @Nullable Tensor bias) {
    Nf4Weight weight = nf4.get(path);
    if (weight != null) {
      return StoredLinear.ofRows(weight, bias, backend.compute(), blockBytes);
    }
    Tensor stored = file.tensor(path + ".weight");
    return stored.dtype() == backend.compute()
        ? DenseLinear.of(stored, bias)
        : StoredLinear.ofRows(StoredLinear.source(stored), bias, backend.compute(), blockBytes);
  }
}
