package dev.nudge.calibrate;

import dev.nudge.model.LayerInput;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.quant.GroupedCodes;
import dev.nudge.quant.GroupedFile;
import dev.nudge.settings.verb.QuantizeSettings;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;

/// Quantises the linear layers of one decoder layer in memory.
///
/// GPTQ takes one input after the other, each as the layers quantised before it make it
/// (true-sequential): queries, keys and values; o; gate and up; down. AWQ sees all inputs in one
/// pass of the unquantised layer, folds scales from the first input to the last, then rounds.
final class LayerQuantizer {
  private static final Pattern UNCUT = Pattern.compile("self_attn\\.(q|k|qkv)_proj");

  private final QuantizeSettings settings;
  private final ModelConfig config;
  private final GroupedFile file;
  private final HiddenStates states;
  private final Gemm gemm;

  LayerQuantizer(
      QuantizeSettings settings,
      ModelConfig config,
      GroupedFile file,
      HiddenStates states,
      Gemm gemm) {
    this.settings = settings;
    this.config = config;
    this.file = file;
    this.states = states;
    this.gemm = gemm;
  }

  /// Quantises layer `i`.
  ///
  /// @param scope owns the codes
  /// @return the damping of each linear layer where GPTQ needed more than the settings say
  Map<String, Double> quantize(LayerInMemory layer, int i, Scope scope) {
    List<LayerInput> inputs = LayerInput.of(config, i);
    if (settings.method() == QuantizeSettings.Format.AWQ) {
      awq(layer, inputs, scope);
      return Map.of();
    }
    Map<String, Double> damped = new LinkedHashMap<>();
    inputs.forEach(input -> gptq(layer, input, damped, scope));
    return damped;
  }

  private void gptq(
      LayerInMemory layer, LayerInput input, Map<String, Double> damped, Scope scope) {
    try (Scope meanwhile = Scope.open("hessian")) {
      HiddenStates.Site site = site(layer, input, meanwhile);
      states.look(layer.decoder().layer(), List.of(site), gemm);
      for (String name : input.linears()) {
        LayerInMemory.Linear linear = layer.linear(name);
        int group = file.groupOf(linear.weight().cols());
        Gptq.Order order =
            new Gptq.Order(
                settings.calibration().ordered(),
                file.scattered(),
                group,
                settings.calibration().damping());
        Gptq.Rounded rounded =
            new Gptq(grid(linear), order, gemm).round(linear.weight(), site.hessian(), scope);
        layer.quantised(name, rounded.codes());
        if (rounded.damping() > order.damping()) {
          damped.put(linear.path(), rounded.damping());
        }
      }
    }
  }

  private static HiddenStates.Site site(LayerInMemory layer, LayerInput input, Scope scope) {
    LayerInMemory.Linear first = layer.linear(input.linears().getFirst());
    return new HiddenStates.Site(first.slot(), Hessian.of(first.weight().cols(), scope));
  }

  private Grid grid(LayerInMemory.Linear linear) {
    return new Grid(file.bits(), file.symmetric(), file.scaleType(linear.before()));
  }

  private void awq(LayerInMemory layer, List<LayerInput> inputs, Scope scope) {
    try (Scope meanwhile = Scope.open("hessians")) {
      List<HiddenStates.Site> sites = new ArrayList<>();
      inputs.forEach(input -> sites.add(site(layer, input, meanwhile)));
      states.look(layer.decoder().layer(), sites, gemm);
      for (int i = 0; i < sites.size(); i++) {
        fold(layer, inputs.get(i), sites.get(i).hessian());
      }
      for (int i = 0; i < sites.size(); i++) {
        for (String name : inputs.get(i).linears()) {
          LayerInMemory.Linear linear = layer.linear(name);
          boolean cuts = !UNCUT.matcher(name).matches();
          GroupedCodes codes =
              awq(linear).round(linear.weight(), sites.get(i).hessian(), cuts, scope);
          layer.quantised(name, codes);
        }
      }
    }
  }

  private Awq awq(LayerInMemory.Linear linear) {
    return new Awq(grid(linear), file.groupOf(linear.weight().cols()), gemm);
  }

  private void fold(LayerInMemory layer, LayerInput input, Hessian h) {
    String norm = input.norm();
    if (norm == null && input.feeder() == null) {
      return;
    }
    List<Tensor> weights = input.linears().stream().map(n -> layer.linear(n).weight()).toList();
    double[] s =
        awq(layer.linear(input.linears().getFirst()))
            .scales(weights, h, all -> norm == null ? all : layer.storable(norm, all));
    if (norm == null) {
      layer.divideOutputs(Objects.requireNonNull(input.feeder()), input.first(), s);
    } else {
      layer.divideNorm(norm, s);
    }
    input.linears().forEach(name -> layer.scaleInputs(name, s));
    h.divide(s);
  }
}
