package dev.nudge.model.family;

import dev.nudge.machine.JvmFlags;
import dev.nudge.nn.DenseLinear;
import dev.nudge.nn.LookupLinear;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Lists the tensors of a checkpoint, name → shape, by running the assembly without weights.
///
/// Checks, plans, and fresh, merged and quantised folders take their tensor names from this list.
final class Listing implements WeightSource {
  private final Map<String, long[]> shapes = new LinkedHashMap<>();

  private Listing() {}

  /// Runs the assembly without weights and returns name → shape.
  ///
  /// @throws dev.nudge.settings.InputException if the JVM denies native access
  static Map<String, long[]> of(ModelConfig config) {
    try {
      return listed(config);
    } catch (IllegalCallerException e) { // the first native call of many a command
      throw JvmFlags.denied(e);
    }
  }

  private static Map<String, long[]> listed(ModelConfig config) {
    Listing listing = new Listing();
    Parts parts = new Parts(config, listing, null);
    Assembly.embedding(config, parts);
    for (int i = 0; i < config.numHiddenLayers(); i++) {
      config.family().layer(config, i, parts);
    }
    Assembly.norm(config, parts);
    if (!config.tieWordEmbeddings()) {
      Assembly.head(config, parts);
    }
    return listing.shapes;
  }

  @Override
  public void expect(String name, long... shape) {
    shapes.put(name, shape);
  }

  @Override
  public Tensor tensor(String name) {
    return Tensor.dry(Dtype.F32, Objects.requireNonNull(shapes.get(name), name));
  }

  @Override
  public LookupLinear linear(String weight, @Nullable Tensor bias) {
    return DenseLinear.of(tensor(weight), bias);
  }
}
