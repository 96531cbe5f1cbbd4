package dev.nudge.nn;

/// Holds a [Linear] at a named place of a model; attach, detach and merge are assignments to it.
///
/// Threading: assigned while no pass runs.
public final class LinearSlot {
  private final String path;
  private final String weight;
  private Linear linear;

  /// @param path the module's path as adapters name it, for example `model.layers.0.mlp.up_proj`
  public LinearSlot(String path, Linear linear) {
    this(path, path + ".weight", linear);
  }

  /// @param weight the name of the weight's tensor in the checkpoint
  public LinearSlot(String path, String weight, Linear linear) {
    this.path = path;
    this.weight = weight;
    this.linear = linear;
  }

  /// The name of the weight's tensor in the checkpoint.
  public String weight() {
    return weight;
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
