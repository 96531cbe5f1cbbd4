package dev.nudge.model;

import dev.nudge.nn.DecoderLayer;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Recompute;
import dev.nudge.nn.Residual;
import dev.nudge.tensor.Tensor;
import java.util.List;
import java.util.function.Consumer;

/// The layers of a decoder, lowest first, wherever their weights are: held in memory, or made from
/// a file while they compute. There is one forward pass, [#forward], over either.
interface Layers {
  int count();

  /// Lends layer `i` for as long as `use` runs.
  ///
  /// @param direction 1 in a forward pass, −1 in a backward pass
  void lend(int i, int direction, Consumer<DecoderLayer> use);

  /// Sequences that go through a layer together.
  ///
  /// @param inner scratch (rows, inner width)
  record Flow(Residual stream, Tensor inner, Pass pass) {}

  /// Sends streams through all layers, all of them through a layer before the next one.
  ///
  /// @param levels what each layer keeps for the backward pass
  /// @param lowest the first layer with a backward pass; those below keep nothing
  static void forward(Layers layers, List<Flow> flows, List<Recompute> levels, int lowest) {
    for (int i = 0; i < layers.count(); i++) {
      Recompute level = levels.get(i);
      boolean kept = i >= lowest;
      layers.lend(
          i,
          1,
          layer ->
              flows.forEach(
                  f ->
                      layer.forward(
                          f.stream, f.inner, level, kept ? f.pass : f.pass.withoutTape())));
    }
  }

  /// Layers in memory.
  ///
  /// @param all of them
  /// @param pager reads their weights ahead; does nothing where they are held
  record Held(List<DecoderLayer> all, Paging pager) implements Layers {
    /// Where a pass is.
    interface Paging {
      void at(int layer, int direction);
    }

    @Override
    public int count() {
      return all.size();
    }

    @Override
    public void lend(int i, int direction, Consumer<DecoderLayer> use) {
      pager.at(i, direction);
      use.accept(all.get(i));
    }
  }
}
