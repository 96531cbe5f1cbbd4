package dev.nudge.model;

import dev.nudge.nn.Pass;
import dev.nudge.nn.Recompute;
import dev.nudge.nn.Residual;
import dev.nudge.nn.layer.DecoderLayer;
import dev.nudge.tensor.Tensor;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.IntConsumer;

/// The decoder layers, lowest first, held in memory or loaded from a file while they compute;
/// [#forward] is the one forward pass over either.
interface Layers {
  int count();

  /// Passes layer `i` to `use`; the layer is valid only during that call.
  void lend(int i, Consumer<DecoderLayer> use);

  /// A group of sequences that go through each layer together.
  ///
  /// @param inner scratch memory (rows, intermediate size)
  record Flow(Residual stream, Tensor inner, Pass pass) {}

  /// Runs the forward pass layer by layer: all groups go through a layer before the next layer.
  ///
  /// @param levels what each layer keeps for the backward pass
  /// @param lowest the first layer with a backward pass; lower ones keep nothing
  static void forward(Layers layers, List<Flow> flows, List<Recompute> levels, int lowest) {
    for (int i = 0; i < layers.count(); i++) {
      Recompute level = levels.get(i);
      boolean kept = i >= lowest;
      layers.lend(
          i,
          layer ->
              flows.forEach(
                  f ->
                      layer.forward(
                          f.stream, f.inner, level, kept ? f.pass : f.pass.withoutTape())));
    }
  }

  /// Layers in memory.
  ///
  /// @param all decoder layers
  /// @param pager called with each layer before it computes, to read mapped weights ahead; does
  ///     nothing if the weights are in memory
  record InMemory(List<DecoderLayer> all, IntConsumer pager) implements Layers {
    @Override
    public int count() {
      return all.size();
    }

    @Override
    public void lend(int i, Consumer<DecoderLayer> use) {
      pager.accept(i);
      use.accept(all.get(i));
    }
  }
}
