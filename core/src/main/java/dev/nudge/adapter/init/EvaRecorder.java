package dev.nudge.adapter.init;

import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.LoraPlace;
import dev.nudge.adapter.ParameterMemory;
import dev.nudge.adapter.linalg.IncrementalPca;
import dev.nudge.machine.Backend;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.WatchedLinear;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Finds the directions in which the inputs of layers vary most (EVA [1]), by a layer around each
/// that sees what goes in, while passes without an adapter run.
///
/// A layer gets those of its directions, as rows of A, whose shares of its inputs' variance are
/// among the largest of all layers: rank times the layers in all, at most twice the rank in one.
/// Layers of one input share its components.
///
/// Threading: one thread, which runs the passes.
///
/// [1] Paischer et al., "Parameter Efficient Fine-tuning via Explained Variance Adaptation",
/// arXiv:2410.07170.
public final class EvaRecorder implements AutoCloseable {
  /// Components of a layer over the rank (ρ).
  public static final int MORE = 2;

  private static final double STEADY = 0.99; // τ: cosine of a component to what it was before

  private final Backend backend;
  private final int rank;
  private final int threads;
  private final Scope scope = Scope.open("eva");
  private final Map<LinearSlot, Linear> bases = new LinkedHashMap<>();
  private final Map<LinearSlot, Input> inputs = new LinkedHashMap<>();
  private @Nullable Input last;
  private int[] picked = new int[0];

  /// The input of one layer or of several.
  private static final class Input {
    private final LinearSlot first;
    private final IncrementalPca pca;
    private @Nullable Tensor seen; // of the pass that runs
    private boolean steady;

    Input(LinearSlot first, IncrementalPca pca) {
      this.first = first;
      this.pca = pca;
    }
  }

  /// Puts recorders around layers.
  ///
  /// @param paths of the layers
  /// @param threads of a decomposition
  public EvaRecorder(
      List<LinearSlot> slots, Set<String> paths, int rank, Backend backend, int threads) {
    this.backend = backend;
    this.rank = rank;
    this.threads = threads;
    for (LinearSlot slot : slots) {
      if (paths.contains(slot.path())) {
        bases.put(slot, slot.linear());
        slot.set(new WatchedLinear(slot.linear(), x -> saw(slot, x)));
      }
    }
  }

  /// Says which rows of the next pass count; with fewer than the components none do.
  public void next(int[] rows) {
    picked = rows.length < MORE * rank ? new int[0] : rows.clone();
    last = null;
  }

  /// Whether the components of all layers have stayed in the last batch that counted.
  public boolean converged() {
    return !inputs.isEmpty() && inputs.values().stream().allMatch(input -> input.steady);
  }

  private void saw(LinearSlot slot, Tensor x) {
    if (picked.length == 0) {
      return;
    }
    Input input = inputs.get(slot);
    if (input == null) {
      Input before = last;
      input =
          before != null && before.seen == x && parent(before.first).equals(parent(slot))
              ? before
              : new Input(
                  slot,
                  new IncrementalPca(
                      x.cols(), Math.min(MORE * rank, x.cols()), backend, threads, scope));
      inputs.put(slot, input);
    }
    last = input;
    input.seen = x;
    if (input.first == slot && !input.steady) {
      input.pca.add(x, picked);
      input.steady = input.pca.least() >= STEADY;
    }
  }

  /// The path of the module that a layer is in: q, k and v are in one, gate and up in another.
  private static String parent(LinearSlot slot) {
    return slot.path().substring(0, Math.max(0, slot.path().lastIndexOf('.')));
  }

  /// The rank of each layer, in model order; a layer whose directions are all too small has 0.
  public Map<String, Integer> ranks() {
    record Direction(String path, double share) {}
    List<Direction> all = new ArrayList<>();
    Map<String, Integer> ranks = new LinkedHashMap<>();
    inputs.forEach(
        (slot, input) -> {
          ranks.put(slot.path(), 0);
          for (double share : input.pca.shares()) {
            all.add(new Direction(slot.path(), share));
          }
        });
    all.sort(Comparator.comparingDouble(direction -> -direction.share));
    for (Direction each : all.subList(0, Math.min(all.size(), rank * ranks.size()))) {
      ranks.merge(each.path, each.share > 0 ? 1 : 0, Integer::sum);
    }
    return ranks;
  }

  /// Fills A of an adapter with these ranks; B stays zero.
  public void fill(Adapters adapters) {
    Map<String, Input> byPath = new LinkedHashMap<>();
    inputs.forEach((slot, input) -> byPath.put(slot.path(), input));
    for (LoraPlace place : adapters.linears()) {
      Input input = byPath.get(place.path());
      if (input != null) {
        Tensor a = place.a().master();
        ParameterMemory.copy(input.pca.components().rows(0, a.rows()), a);
        place.begun(false);
      }
    }
  }

  /// Takes the recorders off.
  public void detach() {
    bases.forEach(LinearSlot::set);
    bases.clear();
  }

  @Override
  public void close() {
    detach();
    scope.close();
  }
}
