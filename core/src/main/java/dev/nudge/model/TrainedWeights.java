package dev.nudge.model;

import dev.nudge.machine.Backend;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.model.family.WeightSource;
import dev.nudge.nn.DenseLinear;
import dev.nudge.nn.LookupLinear;
import dev.nudge.nn.Parameter;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Weights of a model that trains in part: parameters, and another source for frozen tensors.
public final class TrainedWeights implements WeightSource {
  private final Map<String, Parameter> trained;
  private final WeightSource frozen;

  private TrainedWeights(Map<String, Parameter> trained, WeightSource frozen) {
    this.trained = trained;
    this.frozen = frozen;
  }

  /// Makes parameters of the trainable tensors and fills their master weights, on all processors.
  ///
  /// @param frozen source of the frozen tensors
  public static TrainedWeights of(
      ModelConfig config, Backend backend, Trainable trainable, Fill fill, WeightSource frozen) {
    Map<String, Parameter> trained = new LinkedHashMap<>();
    config
        .tensors()
        .forEach(
            (name, shape) -> {
              if (trainable.trains().test(name)) {
                trained.put(name, trainable.parameter(name, shape, backend.compute()));
              }
            });
    if (!trainable.scope().dry()) {
      trained.values().parallelStream()
          .forEach(
              p -> {
                fill.fill(p.master(), p.name());
                if (p.work() != p.master()) {
                  backend.kernels().elementwise().copy(p.master(), p.work());
                }
              });
    }
    return new TrainedWeights(trained, frozen);
  }

  @Override
  public @Nullable Parameter parameter(String name) {
    return trained.get(name);
  }

  @Override
  public Tensor tensor(String name) {
    Parameter p = trained.get(name);
    return p == null ? frozen.tensor(name) : p.work();
  }

  @Override
  public LookupLinear linear(String weight, @Nullable Tensor bias) {
    Parameter p = trained.get(weight);
    return p == null ? frozen.linear(weight, bias) : DenseLinear.of(p.work(), bias);
  }

  @Override
  public List<MemorySegment> mapped(String prefix) {
    return frozen.mapped(prefix);
  }
}
