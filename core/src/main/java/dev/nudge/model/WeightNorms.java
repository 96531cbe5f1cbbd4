package dev.nudge.model;

import dev.nudge.kernel.Kernels;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.LinearSlot;
import dev.nudge.quant.StoredWeight;
import dev.nudge.quant.WeightFormat;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.PageAdvice;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/// Computes the Frobenius norms ‖W‖ of linear layers' weights.
public final class WeightNorms {
  private static final int ROWS = 64; // dequantised at once; a multiple of every grain

  private WeightNorms() {}

  /// The norms by module path.
  ///
  /// @param paths of the wanted layers; unknown paths are ignored
  /// @throws dev.nudge.settings.InputException if the folder is no model
  public static Map<String, Double> of(Path folder, Collection<String> paths) {
    Set<String> wanted = Set.copyOf(paths);
    ModelConfig config = ModelConfig.load(folder);
    Map<String, Double> norms = new TreeMap<>();
    try (ModelWeights weights = ModelWeights.open(folder, config)) {
      for (LinearSlot slot : Checkpoint.places(config).linears()) {
        List<String> modules = slot.weights().stream().map(WeightNorms::module).toList();
        if (wanted.contains(slot.path())
            && modules.stream()
                .allMatch(m -> weights.file().names().contains(weights.numbers(m)))) {
          double sum = 0;
          for (String module : modules) {
            int out = slot.linear().out() / modules.size();
            sum += squares(weights, module, out, slot.linear().in());
            PageAdvice.drop(weights.file().bytes(weights.numbers(module)));
          }
          norms.put(slot.path(), Math.sqrt(sum));
        }
      }
    }
    return norms;
  }

  /// The module of a weight's tensor.
  private static String module(String tensor) {
    return tensor.substring(0, tensor.length() - ".weight".length());
  }

  private static double squares(ModelWeights weights, String module, int out, int in) {
    WeightFormat format = weights.format(module);
    if (format == null) {
      return squares(weights.file().tensor(module + ".weight"));
    }
    StoredWeight weight = format.open(weights.file(), module, out, in);
    long bytes;
    try (Workspace dry = Workspace.measuring()) {
      weight.make(
          0, Math.min(ROWS, out), dry.take(Dtype.F32, ROWS, in), dry, Kernels.fastest().dry());
      bytes = dry.peak();
    }
    double sum = 0;
    try (Workspace ws = new Workspace(0, bytes, Gemm.plain())) {
      for (int from = 0; from < out; from += ROWS) {
        ws.reset();
        int to = Math.min(out, from + ROWS);
        Tensor rows = ws.take(Dtype.F32, to - from, in);
        weight.make(from, to, rows, ws, Kernels.fastest());
        sum += squares(rows);
      }
    }
    return sum;
  }

  private static double squares(Tensor tensor) {
    double sum = 0;
    for (long i = 0; i < tensor.elements(); i++) {
      double value = tensor.at(i);
      sum += value * value;
    }
    return sum;
  }
}
