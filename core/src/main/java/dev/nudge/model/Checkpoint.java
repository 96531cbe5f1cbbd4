package dev.nudge.model;

import dev.nudge.format.SafeTensors;
import dev.nudge.nn.Backend;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/// Loads a Hugging Face model folder.
///
/// Weights that are stored in the compute type are read in place from the mapped file; others are
/// converted into memory, a tensor at a time, on all processors.
public final class Checkpoint {
  private Checkpoint() {}

  /// Checks that the folder's weights are those of its config, without reading them.
  ///
  /// @throws InputException naming what is missing or has another shape
  public static void check(Path folder, ModelConfig config) {
    try (SafeTensors file = SafeTensors.open(folder)) {
      check(file, config);
    }
  }

  /// Bytes that loading will hold in memory: weights that are not stored in the compute type.
  public static long heldBytes(Path folder, ModelConfig config, Backend backend) {
    try (SafeTensors file = SafeTensors.open(folder)) {
      long bytes = 0;
      for (String name : config.tensors().keySet()) {
        Tensor stored = file.tensor(name);
        if (stored.dtype() != backend.compute()) {
          bytes += stored.elements() * backend.compute().bytes();
        }
      }
      return bytes;
    }
  }

  /// Loads a model for computing on `backend`.
  public static CausalLm load(Path folder, ModelConfig config, Backend backend) {
    SafeTensors file = SafeTensors.open(folder);
    Scope scope = Scope.open("weights");
    try {
      check(file, config);
      Map<String, Tensor> weights = convert(file, config, backend, scope);
      return LlamaAssembly.of(
          config,
          backend,
          name -> java.util.Objects.requireNonNull(weights.get(name)),
          () -> {
            scope.close();
            file.close();
          });
    } catch (RuntimeException | Error e) {
      scope.close();
      file.close();
      throw e;
    }
  }

  /// A model without weights, for plans: only its shapes are real.
  public static CausalLm dry(ModelConfig config, Backend backend) {
    Map<String, long[]> shapes = config.tensors();
    return LlamaAssembly.of(
        config,
        backend,
        name -> Tensor.dry(backend.compute(), java.util.Objects.requireNonNull(shapes.get(name))),
        () -> {});
  }

  /// A model of random weights in memory, for measuring: a matrix uniform in ±1/√in, the embedding
  /// likewise, norms 1, biases 0. Equal seeds give equal weights.
  public static CausalLm random(ModelConfig config, Backend backend, long seed) {
    Scope scope = Scope.open("weights");
    Map<String, Tensor> weights = new HashMap<>();
    List<Runnable> fills = new ArrayList<>();
    for (Map.Entry<String, long[]> expected : config.tensors().entrySet()) {
      String name = expected.getKey();
      Tensor weight = scope.tensor(backend.compute(), expected.getValue());
      weights.put(name, weight);
      fills.add(() -> fill(weight, name, seed));
    }
    fills.parallelStream().forEach(Runnable::run);
    return LlamaAssembly.of(
        config, backend, name -> java.util.Objects.requireNonNull(weights.get(name)), scope);
  }

  private static void fill(Tensor weight, String name, long seed) {
    boolean matrix = weight.rank() == 2;
    double bound = matrix ? 1 / Math.sqrt(weight.cols()) : 0;
    double offset = matrix || name.endsWith(".bias") ? 0 : 1;
    SplittableRandom random = new SplittableRandom(seed * 0x9E3779B97F4A7C15L + name.hashCode());
    for (long i = 0; i < weight.elements(); i++) {
      weight.put(i, offset + bound * (2 * random.nextDouble() - 1));
    }
  }

  private static Map<String, Tensor> convert(
      SafeTensors file, ModelConfig config, Backend backend, Scope scope) {
    Map<String, Tensor> weights = new HashMap<>();
    List<Runnable> copies = new ArrayList<>();
    for (String name : config.tensors().keySet()) {
      Tensor stored = file.tensor(name);
      if (stored.dtype() == backend.compute()) {
        weights.put(name, stored);
        continue;
      }
      Tensor held = scope.tensor(backend.compute(), stored.shape());
      weights.put(name, held);
      copies.add(() -> backend.kernels().elementwise().copy(matrix(stored), matrix(held)));
    }
    copies.parallelStream().forEach(Runnable::run);
    return weights;
  }

  private static Tensor matrix(Tensor t) {
    return t.rank() == 2 ? t : t.reshaped(1, t.elements());
  }

  /// Names that the config does not call for: one of them may be the missing one, misspelled.
  private static List<String> unexpected(SafeTensors file, ModelConfig config) {
    return file.names().stream().filter(n -> !config.tensors().containsKey(n)).toList();
  }

  private static void check(SafeTensors file, ModelConfig config) {
    for (Map.Entry<String, long[]> expected : config.tensors().entrySet()) {
      String name = expected.getKey();
      if (!file.names().contains(name)) {
        throw new InputException(
            file.source()
                + " has no tensor "
                + name
                + ", which its config.json calls for"
                + Nearest.hint(name, unexpected(file, config)));
      }
      List<Long> shape = file.entry(name).shape();
      if (!shape.equals(Arrays.stream(expected.getValue()).boxed().toList())) {
        throw new InputException(
            file.file(name)
                + ": "
                + name
                + " is "
                + shape
                + ", config.json says "
                + Arrays.toString(expected.getValue()));
      }
      if (!file.tensor(name).dtype().floating()) {
        throw new InputException(
            file.file(name)
                + ": "
                + name
                + " is "
                + file.entry(name).type()
                + "; supported are F32, F16 and BF16");
      }
    }
  }
}
