package dev.nudge.adapter.init;

import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.LoraPlace;
import dev.nudge.adapter.targets.LayerFilter;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.format.WeightFile;
import dev.nudge.machine.Backend;
import dev.nudge.nn.Linear;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Lanes;
import dev.nudge.tensor.PageAdvice;
import dev.nudge.tensor.Tensor;
import java.nio.file.Path;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;

/// Initialises an adapter to compensate the quantisation error of the base, see [LoftqFit].
final class LoftqInit implements Initialization {
  @Override
  public void check(Path folder, boolean quantized, BooleanSupplier stored) {
    if (!quantized) {
      throw new InputException(
          "--init loftq makes up for what quantising loses, and nothing is quantised here; add"
              + " --quantize nf4 or leave it out");
    }
    if (stored.getAsBoolean()) {
      throw new InputException(
          "--init loftq needs the weights before they were quantised, and those in "
              + folder
              + " are stored in nf4; give the model they were made from with --quantize nf4, or"
              + " leave it out");
    }
  }

  /// Fits layers in parallel, each on one thread.
  @Override
  public void begin(Adapters adapters, Base base) {
    List<LoraPlace> layers =
        adapters.linears().stream()
            .filter(place -> LayerFilter.of(place.path()).isPresent()) // the head is not quantised
            .toList();
    int threads = base.threads();
    try (WeightFile originals = base.weights().get();
        Lanes lanes = new Lanes(threads)) {
      lanes.run(
          lane -> {
            List<LoraPlace> some =
                IntStream.iterate(lane, i -> i < layers.size(), i -> i + threads)
                    .mapToObj(layers::get)
                    .toList();
            begin(some, adapters.spec(), base.backend(), originals);
            return lane;
          });
    }
  }

  private static void begin(
      List<LoraPlace> some, Lora spec, Backend backend, WeightFile originals) {
    int rank = some.stream().mapToInt(place -> place.a().master().rows()).max().orElse(0);
    List<Linear> layers = some.stream().map(LoraPlace::base).toList();
    try (LoftqFit fit = new LoftqFit(layers, rank, backend)) {
      for (LoraPlace place : some) {
        List<Tensor> weights = place.slot().weights().stream().map(originals::tensor).toList();
        double scaling = spec.scaling(place.path());
        fit.fill(place.base(), weights, scaling, place.a().master(), place.b().master());
        place.begun(false);
        weights.forEach(weight -> PageAdvice.drop(weight.data()));
      }
    }
  }
}
