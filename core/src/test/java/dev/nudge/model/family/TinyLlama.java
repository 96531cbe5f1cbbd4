package dev.nudge.model.family;

import dev.nudge.machine.Backend;
import dev.nudge.model.Batch;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Trainable;
import dev.nudge.model.TrainedWeights;
import dev.nudge.nn.DenseLinear;
import dev.nudge.nn.LookupLinear;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/// Makes small Llamas of random weights for tests.
public final class TinyLlama {
  private TinyLlama() {}

  /// A config with grouped heads and odd sizes.
  public static ModelConfig config(int layers, boolean tied, boolean bias) {
    ModelConfig c = ModelConfig.llama(20, 28, layers, 6, 2, 6, 37, 64, tied, 10_000);
    return bias ? biased(c) : c;
  }

  /// Three layers, 72 wide, six heads on two of keys and values, with biases.
  public static ModelConfig wider() {
    return biased(ModelConfig.llama(72, 120, 3, 6, 2, 12, 211, 256, false, 10_000));
  }

  private static ModelConfig biased(ModelConfig c) {
    return with(c, layer -> layer.withBias(true, true, true));
  }

  /// A config with other layers.
  static ModelConfig with(ModelConfig c, UnaryOperator<LayerConfig> change) {
    return new ModelConfig(
        c.family(),
        c.place(),
        c.hiddenSize(),
        c.vocabSize(),
        c.maxPositionEmbeddings(),
        c.rmsNormEps(),
        c.tieWordEmbeddings(),
        c.normOffset(),
        c.embeddingScale(),
        c.logitScale(),
        c.logitCap(),
        c.eosTokenIds(),
        c.padTokenId(),
        c.layers().stream().map(change).toList());
  }

  /// Fills every tensor from `seed`: norms around 1, the rest around 0.
  public static CausalLm of(ModelConfig config, Backend backend, long seed) {
    return of(config, backend, seed, 0.3);
  }

  /// The same with weights of another size; 1/√width keeps scores of attention around 1.
  public static CausalLm of(ModelConfig config, Backend backend, long seed, double size) {
    return of(config, backend, seed, size, new Trainable(name -> false, 0, Scope.measuring()));
  }

  /// The same with tensors that train.
  public static CausalLm of(
      ModelConfig config, Backend backend, long seed, double size, Trainable trainable) {
    Scope scope = Scope.open("tiny llama");
    Random random = new Random(seed);
    Map<String, Tensor> weights = new HashMap<>();
    config
        .tensors()
        .forEach(
            (name, shape) -> {
              Tensor t = scope.tensor(backend.compute(), shape);
              boolean norm = name.contains("norm");
              for (long i = 0; i < t.elements(); i++) {
                double v = random.nextGaussian() * size;
                t.put(i, norm ? 1 + v : v);
              }
              weights.put(name, t);
            });
    WeightSource.Fill fill =
        (master, name) -> {
          for (long i = 0; i < master.elements(); i++) {
            master.put(i, Objects.requireNonNull(weights.get(name)).at(i));
          }
        };
    WeightSource dense =
        new WeightSource() {
          @Override
          public Tensor tensor(String name) {
            return Objects.requireNonNull(weights.get(name));
          }

          @Override
          public LookupLinear linear(String weight, @Nullable Tensor bias) {
            return DenseLinear.of(tensor(weight), bias);
          }
        };
    return CausalLm.of(
        config, backend, TrainedWeights.of(config, backend, trainable, fill, dense), scope);
  }

  /// A batch of sequences of these lengths; about half of the rows are labelled.
  public static Batch batch(Random random, int vocabulary, int... lengths) {
    int[] ids = new int[java.util.stream.IntStream.of(lengths).sum()];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = random.nextInt(vocabulary);
    }
    List<Integer> rows = new java.util.ArrayList<>();
    int start = 0;
    for (int length : lengths) {
      for (int i = 0; i < length - 1; i++) {
        if (i >= length / 2 || random.nextInt(4) == 0) {
          rows.add(start + i);
        }
      }
      start += length;
    }
    int[] labelled = rows.stream().mapToInt(Integer::intValue).toArray();
    int[] targets = new int[labelled.length];
    for (int i = 0; i < labelled.length; i++) {
      targets[i] = ids[labelled[i] + 1];
    }
    long[] keys = new long[lengths.length];
    for (int i = 0; i < keys.length; i++) {
      keys[i] = i;
    }
    return new Batch(ids, lengths, keys, labelled, targets);
  }
}
