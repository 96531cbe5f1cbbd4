package dev.nudge.nn;

import java.util.List;

/// Holds a [Linear] at a named place of a model; attach, detach and merge are assignments to it.
///
/// Threading: assigned while no pass runs.
public final class LinearSlot {
  private final String path;
  private final List<String> weights;
  private Linear linear;

  /// @param path the module's path in adapters, for example `model.layers.0.mlp.up_proj`
  public LinearSlot(String path, Linear linear) {
    this(path, path + ".weight", linear);
  }

  /// @param weight the name of the weight's tensor in the checkpoint
  public LinearSlot(String path, String weight, Linear linear) {
    this(path, List.of(weight), linear);
  }

  /// @param weights the names of the weight's tensors in the checkpoint, which share its rows
  ///     equally
  public LinearSlot(String path, List<String> weights, Linear linear) {
    this.path = path;
    this.weights = List.copyOf(weights);
    this.linear = linear;
  }

  /// The names of the weight's tensors in the checkpoint: one, or a [JoinedLinear]'s.
  public List<String> weights() {
    return weights;
  }

  /// The module's path, spelled as in the checkpoint.
  public String path() {
    return path;
  }

  public Linear linear() {
    return linear;
  }

  /// Replaces the layer by another one of the same shape.
  public void set(Linear other) {
    if (other.in() != linear.in() || other.out() != linear.out()) {
      throw new IllegalArgumentException(
          path
              + " is "
              + linear.out()
              + " × "
              + linear.in()
              + ", not "
              + other.out()
              + " × "
              + other.in());
    }
    linear = other;
  }

  /// Replaces the layer by one with another vocabulary size: a resized output head.
  public void resize(Linear other) {
    if (other.in() != linear.in()) {
      throw new IllegalArgumentException(
          path + " has " + linear.in() + " input features, not " + other.in());
    }
    linear = other;
  }

  @Override
  public String toString() {
    return path;
  }
}
