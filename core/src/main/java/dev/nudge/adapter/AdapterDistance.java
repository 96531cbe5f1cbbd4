package dev.nudge.adapter;

import dev.nudge.settings.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// Distance of two adapters of one base model: how much their weight updates ΔW differ.
///
/// @param norm ‖ΔW‖ of the first
/// @param otherNorm ‖ΔW'‖ of the second
/// @param difference ‖ΔW − ΔW'‖
/// @param cosine ⟨ΔW, ΔW'⟩ / (‖ΔW‖ ‖ΔW'‖); null if one of the updates is zero
/// @param layers in the order of their paths; a layer that an adapter lacks counts as ΔW = 0
public record AdapterDistance(
    double norm, double otherNorm, double difference, @Nullable Double cosine, List<Layer> layers) {

  /// One layer.
  public record Layer(
      String path, double norm, double otherNorm, double difference, @Nullable Double cosine) {}

  /// Compares two adapter folders.
  ///
  /// @throws InputException if a folder is no adapter, or their shapes belong to different models
  public static AdapterDistance of(Path first, Path second) {
    try (Updates one = Updates.open(first);
        Updates other = Updates.open(second)) {
      one.checkPlain("compare adapters of A and B alone");
      other.checkPlain("compare adapters of A and B alone");
      TreeSet<String> paths = new TreeSet<>(one.paths());
      paths.addAll(other.paths());
      List<Layer> layers = new ArrayList<>();
      double[] sums = new double[3];
      for (String path : paths) {
        Update a = one.paths().contains(path) ? one.at(path) : null;
        Update b = other.paths().contains(path) ? other.at(path) : null;
        if (a != null && b != null && !fit(a, b)) {
          throw new InputException(
              "%s and %s are of different models: %s has other sides"
                  .formatted(first, second, path));
        }
        double[] squares = {
          a == null ? 0 : a.inner(a),
          b == null ? 0 : b.inner(b),
          a == null || b == null ? 0 : a.inner(b)
        };
        for (int i = 0; i < sums.length; i++) {
          sums[i] += squares[i];
        }
        layers.add(layer(path, squares));
      }
      Layer all = layer("", sums);
      return new AdapterDistance(all.norm, all.otherNorm, all.difference, all.cosine, layers);
    }
  }

  private static boolean fit(Update a, Update b) {
    return a.a()[0].length == b.a()[0].length && a.b()[0].length == b.b()[0].length;
  }

  private static Layer layer(String path, double[] squares) {
    double norm = Math.sqrt(Math.max(0, squares[0]));
    double other = Math.sqrt(Math.max(0, squares[1]));
    double apart = Math.sqrt(Math.max(0, squares[0] - 2 * squares[2] + squares[1]));
    Double cosine =
        norm > 0 && other > 0 ? (Double) Math.clamp(squares[2] / (norm * other), -1.0, 1.0) : null;
    return new Layer(path, norm, other, apart, cosine);
  }
}
