package dev.nudge.adapter;

import dev.nudge.adapter.targets.Lora;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Describes an adapter folder: config, size, and how much each layer changes its weight.
///
/// @param variant what it has beside A and B, such as `DoRA`; null: nothing
/// @param parameters numbers of A and B, and of the variant
/// @param bytes of the weight file
/// @param norm ‖ΔW‖ of all updates together; of DoRA and a bias of B, of B·A alone
/// @param layers in the order of their paths
/// @param whole whether the adapter also holds whole modules or token rows
public record Inspection(
    int rank,
    double alpha,
    boolean rsLora,
    String targets,
    @Nullable String variant,
    long parameters,
    long bytes,
    double norm,
    List<Layer> layers,
    boolean whole) {
  private static final double DEAD = 1e-6; // of the largest

  /// One layer.
  ///
  /// @param norm Frobenius norm ‖ΔW‖
  /// @param relative ‖ΔW‖/‖W‖; null if the base is unknown
  /// @param dead whether the update is negligible: ‖ΔW‖ below 1e-6 of the largest, and no variant
  /// @param finite whether all numbers are finite
  public record Layer(
      String path,
      int rank,
      double scaling,
      long bytes,
      double norm,
      @Nullable Double relative,
      boolean dead,
      boolean finite) {
    private Layer judged(double least) {
      boolean none = norm <= least;
      return new Layer(path, rank, scaling, bytes, norm, relative, none, finite);
    }
  }

  /// Reads an adapter folder.
  ///
  /// @param norms ‖W‖ by module path, as far as known
  /// @throws dev.nudge.settings.InputException if the folder is no adapter
  public static Inspection of(Path folder, Map<String, Double> norms) {
    try (Updates updates = Updates.open(folder)) {
      Lora spec = updates.spec();
      boolean plain = spec.variant() == Lora.Variant.PLAIN;
      List<Layer> layers = new ArrayList<>();
      long parameters = 0;
      double squares = 0;
      double largest = 0;
      for (String path : updates.paths()) {
        Update update = updates.at(path);
        double norm = update.norm();
        largest = Math.max(largest, Double.isNaN(norm) ? 0 : norm);
        squares += norm * norm;
        parameters += (long) update.rank() * (update.a()[0].length + update.b()[0].length);
        parameters += updates.more(path);
        Double base = norms.get(path);
        layers.add(
            new Layer(
                path,
                update.rank(),
                update.scaling(),
                updates.bytes(path),
                norm,
                base == null ? null : (Double) (norm / base),
                false,
                update.finite()));
      }
      double least = plain ? DEAD * largest : Double.NEGATIVE_INFINITY;
      List<Layer> judged = layers.stream().map(layer -> layer.judged(least)).toList();
      long bytes = folder.resolve(PeftFiles.WEIGHTS).toFile().length();
      return new Inspection(
          spec.rank(),
          spec.alpha(),
          spec.rsLora(),
          spec.targets().toString(),
          plain ? null : spec.variant().shown(),
          parameters,
          bytes,
          Math.sqrt(squares),
          judged,
          updates.holdsWhole());
    }
  }

  /// The paths of layers with a negligible update.
  public List<String> dead() {
    return layers.stream().filter(Layer::dead).map(Layer::path).toList();
  }
}
