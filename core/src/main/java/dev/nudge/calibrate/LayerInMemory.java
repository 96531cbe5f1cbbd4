package dev.nudge.calibrate;

import dev.nudge.format.FoldedScales;
import dev.nudge.format.WeightFile;
import dev.nudge.kernel.Kernels;
import dev.nudge.model.StreamedLm;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.DenseLinear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Norm;
import dev.nudge.quant.GroupedCodes;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// A decoder layer whose weights, biases and norms are in memory in fp32, and change while it is
/// quantised. Parts are named as in the layer: `self_attn.q_proj`, `input_layernorm`.
final class LayerInMemory {
  private final ModelConfig config;
  private final StreamedLm.Decoder decoder;
  private final String prefix;
  private final WeightFile file;
  private final Map<String, Linear> linears = new LinkedHashMap<>();
  private final Map<String, Tensor> norms = new LinkedHashMap<>(); // (1, width)
  private final Map<String, GroupedCodes> codes = new LinkedHashMap<>();
  private final Map<String, double[]> scales = new TreeMap<>(); // by the name of their tensor

  /// A linear layer.
  ///
  /// @param path of its tensors in the file
  /// @param weight F32 (rows, cols)
  /// @param bias F32 (1, rows); null: there is none
  /// @param before the type of the weight in the file
  record Linear(LinearSlot slot, String path, Tensor weight, @Nullable Tensor bias, Dtype before) {}

  LayerInMemory(StreamedLm model, ModelConfig config, int i, Kernels kernels, Scope scope) {
    this.config = config;
    this.decoder = model.decoder(i, scope);
    this.prefix = config.layer(i);
    this.file = model.file();
    for (LinearSlot slot : decoder.modules().linears()) {
      String path =
          slot.weights()
              .getFirst()
              .substring(0, slot.weights().getFirst().length() - ".weight".length());
      Tensor stored = file.tensor(slot.weights().getFirst());
      Tensor weight = copy(stored, kernels, scope);
      Tensor bias = slot.linear().bias();
      Tensor own = bias == null ? null : copy(bias, kernels, scope);
      slot.set(DenseLinear.of(weight, own));
      linears.put(
          path.substring(prefix.length()), new Linear(slot, path, weight, own, stored.dtype()));
    }
    String module = config.module(prefix);
    for (Map.Entry<String, Norm> e : decoder.modules().norms().entrySet()) {
      Tensor weight = copy(e.getValue().weight(), kernels, scope);
      e.getValue().set(weight, null);
      norms.put(e.getKey().substring(module.length()), weight);
    }
  }

  private static Tensor copy(Tensor from, Kernels kernels, Scope scope) {
    Tensor to = scope.tensor(Dtype.F32, from.rows(), from.cols());
    kernels.elementwise().copy(from, to);
    return to;
  }

  StreamedLm.Decoder decoder() {
    return decoder;
  }

  String prefix() {
    return prefix;
  }

  WeightFile file() {
    return file;
  }

  Map<String, Linear> linears() {
    return linears;
  }

  Linear linear(String name) {
    return Objects.requireNonNull(linears.get(name), name);
  }

  /// The norms' weights, by their name in the layer.
  Map<String, Tensor> norms() {
    return norms;
  }

  /// The codes of the linear layers that are quantised.
  Map<String, GroupedCodes> codes() {
    return codes;
  }

  /// Puts codes in the place of a weight.
  void quantised(String name, GroupedCodes made) {
    codes.put(name, made);
    made.dequantize(linear(name).weight);
  }

  /// The factors that were folded, by the name of their tensor in [FoldedScales].
  Map<String, double[]> scales() {
    return scales;
  }

  /// Scales the columns of a linear layer.
  void scaleInputs(String name, double[] s) {
    Hessian.rows(
        linear(name).weight,
        (r, row) -> {
          for (int i = 0; i < row.length; i++) {
            row[i] *= (float) s[i];
          }
        });
    keep(FoldedScales.in(module(name)), linear(name).slot.linear().in(), 0, s);
  }

  /// Divides the outputs of a linear layer from row `first` on.
  void divideOutputs(String name, int first, double[] s) {
    Linear linear = linear(name);
    for (int i = 0; i < s.length; i++) {
      int r = first + i;
      for (int c = 0; c < linear.weight.cols(); c++) {
        linear.weight.set(r, c, linear.weight.get(r, c) / s[i]);
      }
      if (linear.bias != null) {
        linear.bias.set(0, r, linear.bias.get(0, r) / s[i]);
      }
    }
    keep(FoldedScales.out(module(name)), linear.weight.rows(), first, s);
  }

  private void keep(String name, int size, int first, double[] s) {
    double[] all = new double[size];
    Arrays.fill(all, 1);
    System.arraycopy(s, 0, all, first, s.length);
    scales.put(name, all);
  }

  private String module(String name) {
    return config.module(prefix + name);
  }

  /// The factors nearest to `s` that a norm can be divided by in the type in which it is stored.
  double[] storable(String norm, double[] s) {
    double[] nearest = new double[s.length];
    for (int i = 0; i < s.length; i++) {
      double w = Objects.requireNonNull(norms.get(norm)).get(0, i) + config.normOffset();
      double divided = stored(norm, w / s[i] - config.normOffset()) + config.normOffset();
      double ratio = w / divided;
      nearest[i] = ratio > 0 && Double.isFinite(ratio) && Double.isFinite(divided) ? ratio : 1;
    }
    return nearest;
  }

  /// Divides a norm by factors of [#storable].
  void divideNorm(String norm, double[] s) {
    Tensor weight = Objects.requireNonNull(norms.get(norm));
    for (int i = 0; i < s.length; i++) {
      double divided = (weight.get(0, i) + config.normOffset()) / s[i] - config.normOffset();
      weight.set(0, i, stored(norm, divided));
    }
  }

  private double stored(String norm, double value) {
    return Grid.rounded(file.entry(prefix + norm + ".weight").type().dtype(), value);
  }
}
