package dev.nudge.format;

import dev.nudge.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The factors s by which `quantize --method awq` scaled inputs of linear layers: a layer's input
/// is the dense model's divided by `in`, its output the dense model's divided by `out`. They are
/// stored with the model, in a file that no other loader reads.
///
/// An update B·A of the dense model is therefore B/out · A·in here.
public final class FoldedScales {
  /// The name of the file in a model folder.
  public static final String FILE = "awq_scales.safetensors";

  private static final String IN = ".in";
  private static final String OUT = ".out";

  private final Map<String, float[]> scales = new HashMap<>();

  private FoldedScales(Path file) {
    try (WeightFile tensors = SafeTensors.open(file)) {
      for (String name : tensors.names()) {
        Tensor t = tensors.tensor(name);
        float[] values = new float[(int) t.elements()];
        for (int i = 0; i < values.length; i++) {
          values[i] = (float) t.at(i);
        }
        scales.put(name, values);
      }
    }
  }

  /// Reads the scales of a model folder; null: it has none.
  public static @Nullable FoldedScales of(Path model) {
    Path file = model.resolve(FILE);
    return Files.isRegularFile(file) ? new FoldedScales(file) : null;
  }

  /// Returns the name of the tensor with the scales of a module's inputs.
  public static String in(String module) {
    return module + IN;
  }

  /// Returns the name of the tensor with the scales of a module's outputs.
  public static String out(String module) {
    return module + OUT;
  }

  /// Converts a LoRA update of the dense model to one of this model.
  ///
  /// @param a (rank, in), written to `toA`
  /// @param b (out, rank), written to `toB`
  public void carry(String module, Tensor a, Tensor toA, Tensor b, Tensor toB) {
    float[] in = scales.get(in(module));
    for (int r = 0; r < a.rows(); r++) {
      for (int c = 0; c < a.cols(); c++) {
        toA.set(r, c, a.get(r, c) * (in == null ? 1 : in[c]));
      }
    }
    float[] out = scales.get(out(module));
    for (int r = 0; r < b.rows(); r++) {
      for (int c = 0; c < b.cols(); c++) {
        toB.set(r, c, b.get(r, c) / (out == null ? 1 : out[r]));
      }
    }
  }
}
