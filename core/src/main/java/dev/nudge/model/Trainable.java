package dev.nudge.model;

import dev.nudge.nn.Parameter;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// Says which tensors of a model train, and where their parameters live.
///
/// @param trains by a tensor's name in the checkpoint; a tied head has no name of its own
/// @param lanes gradients of each
/// @param scope owns the parameters; a measuring one leaves them without memory
public record Trainable(Predicate<String> trains, int lanes, Scope scope) {

  /// Everything trains.
  public static Trainable all(int lanes, Scope scope) {
    return new Trainable(name -> true, lanes, scope);
  }

  /// The shapes of what does not train.
  ///
  /// @param trainable null: nothing trains
  public static Map<String, long[]> frozen(ModelConfig config, @Nullable Trainable trainable) {
    Map<String, long[]> shapes = config.tensors();
    if (trainable != null) {
      shapes.keySet().removeIf(trainable.trains);
    }
    return shapes;
  }

  /// A parameter of zeros for a tensor; weight decay is for matrices: not for norms and biases.
  Parameter parameter(String name, long[] shape, Dtype compute) {
    boolean matrix = shape.length == 2;
    int rows = matrix ? Math.toIntExact(shape[0]) : 1;
    int cols = Math.toIntExact(shape[shape.length - 1]);
    return new Parameter(name, matrix, rows, cols, compute, lanes, scope);
  }
}
