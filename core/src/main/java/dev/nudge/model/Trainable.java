package dev.nudge.model;

import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.Parameter;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import java.util.Arrays;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// Selects the tensors that train, and who owns their parameters.
///
/// @param trains tests a tensor's name in the checkpoint; a tied head has no name of its own
/// @param lanes number of gradients of each parameter
/// @param scope owns the parameters; a measuring scope allocates no memory for them
public record Trainable(Predicate<String> trains, int lanes, Scope scope) {

  /// All tensors train (full fine-tuning).
  public static Trainable all(int lanes, Scope scope) {
    return new Trainable(name -> true, lanes, scope);
  }

  /// The shapes of the frozen tensors.
  ///
  /// @param trainable null: nothing trains
  public static Map<String, long[]> frozen(ModelConfig config, @Nullable Trainable trainable) {
    Map<String, long[]> shapes = config.tensors();
    if (trainable != null) {
      shapes.keySet().removeIf(trainable.trains);
    }
    return shapes;
  }

  /// A zero parameter for a tensor; weight decay applies to matrices, not to norms and biases.
  Parameter parameter(String name, long[] shape, Dtype compute) {
    boolean matrix = shape.length > 1;
    int rows = matrix ? Math.toIntExact(shape[0]) : 1;
    int cols = Math.toIntExact(Arrays.stream(shape).reduce(1, (a, b) -> a * b) / rows);
    return new Parameter(name, matrix, rows, cols, compute, lanes, scope);
  }
}
