package dev.nudge.engine;

import dev.nudge.data.Example;
import dev.nudge.model.CausalLm;
import dev.nudge.tensor.Lanes;
import dev.nudge.tensor.Workspace;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The lanes of an engine that score rows, and their workspaces, as large as the longest row so far
/// needs: the pass itself, run dry.
///
/// Threading: confined to the engine's thread.
final class ScoreRoom implements AutoCloseable {
  private static final int BUDGET = 2048; // tokens of a batch

  private final CausalLm model;
  private final int threads;
  private @Nullable Lanes lanes;
  private List<Workspace> workspaces = List.of();
  private int budget;
  private long bytes;

  ScoreRoom(CausalLm model, int threads) {
    this.model = model;
    this.threads = threads;
  }

  /// What scores rows, while the adapter is on with which they are to be scored.
  ///
  /// @param count of lanes
  Scorer scorer(List<Example> rows, int count) {
    int longest = rows.stream().mapToInt(Example::length).max().orElse(1);
    budget = Math.max(budget, Math.max(BUDGET, longest));
    model.reserve(budget);
    long wanted = model.scoreBytes(budget, budget);
    Lanes held = lanes;
    if (held == null || held.count() != count || wanted > bytes) {
      close();
      held = open(count, wanted);
    }
    return new Scorer(model, held, workspaces, budget);
  }

  private Lanes open(int count, long wanted) {
    Lanes opened = new Lanes(count);
    lanes = opened;
    bytes = wanted;
    int each = Math.max(1, threads / count);
    Workspace[] open = new Workspace[count];
    try {
      opened.run(
          lane -> open[lane] = new Workspace(lane, wanted, model.backend().gemms().apply(each)));
    } catch (RuntimeException | Error e) {
      workspaces = Arrays.stream(open).filter(Objects::nonNull).toList();
      close();
      throw e;
    }
    workspaces = List.of(open);
    return opened;
  }

  @Override
  public void close() {
    Lanes closing = lanes;
    lanes = null;
    bytes = 0;
    if (closing != null) {
      try (closing) {
        List<Workspace> open = workspaces;
        workspaces = List.of();
        closing.run(
            lane -> {
              open.stream().filter(ws -> ws.lane() == lane).forEach(Workspace::close);
              return lane;
            });
      }
    }
  }
}
