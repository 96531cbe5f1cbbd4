package dev.nudge.engine;

import dev.nudge.model.CausalLm;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Lanes;
import dev.nudge.tensor.Workspace;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The lanes of an engine that score rows, and their workspaces, sized by a dry run of the pass.
///
/// If memory is short, batches get smaller, down to the longest row, then lanes fewer, down to one.
/// No score depends on that: each lane multiplies with as many processors as if all lanes ran.
///
/// Threading: confined to the engine's thread.
final class ScoreRoom implements AutoCloseable {
  private static final int BUDGET = 2048; // tokens of a batch
  private static final int STEP = 64; // tokens between two budgets that are tried

  private final CausalLm model;
  private final int threads;
  private @Nullable Lanes lanes;
  private List<Workspace> workspaces = List.of();
  private int asked; // lanes
  private long bytes; // of each workspace

  /// How rows are scored.
  ///
  /// @param budget tokens of a batch
  /// @param bytes of each lane
  record Size(int lanes, int budget, long bytes) {
    /// Bytes of all lanes.
    long all() {
      return lanes * bytes;
    }
  }

  ScoreRoom(CausalLm model, int threads) {
    this.model = model;
    this.threads = threads;
  }

  /// Bytes that it has now.
  long bytes() {
    return lanes == null ? 0 : workspaces.size() * bytes;
  }

  /// How rows are scored where memory is not short, by the adapter that is on.
  Size whole(ScoreJob job) {
    int budget = Math.max(BUDGET, job.longest());
    return new Size(job.lanes, budget, measured(job, budget));
  }

  /// How rows are scored within so many bytes, by the adapter that is on; null: not at all.
  @Nullable Size within(long most, ScoreJob job) {
    Size whole = whole(job);
    if (whole.all() <= most) {
      return whole;
    }
    int low = job.longest();
    long least = measured(job, low);
    int lanes = (int) Math.min(job.lanes, most / least);
    if (lanes < 1) {
      return null;
    }
    if (lanes * whole.bytes <= most) {
      return new Size(lanes, whole.budget, whole.bytes);
    }
    int high = whole.budget; // does not fit
    while (high - low > STEP) {
      int middle = (low + high) / 2;
      long needed = measured(job, middle);
      if (lanes * needed <= most) {
        low = middle;
        least = needed;
      } else {
        high = middle;
      }
    }
    return new Size(lanes, low, least);
  }

  private long measured(ScoreJob job, int tokens) {
    return job.bytes(tokens, budget -> model.measured().scoreBytes(budget, budget));
  }

  /// Says that rows are too long for the memory there is.
  ///
  /// @param most bytes that there are
  InputException refusal(ScoreJob job, long most) {
    int longest = job.longest();
    return new InputException(
        "a row of %s needs a workspace of %s to be scored, and there is memory for %s; lower --max-length, or raise --memory"
            .formatted(
                Count.of(longest, "token"),
                Bytes.shown(measured(job, longest)),
                Bytes.shown(Math.max(0, most))));
  }

  /// What scores rows, while the adapter is on with which they are to be scored.
  ///
  /// @param size that has room
  Scorer scorer(Size size, ScoreJob job) {
    int count = job.lanes;
    model.reserve(job.longest());
    Lanes held = lanes;
    if (held == null || count != asked || held.count() != size.lanes || size.bytes > bytes) {
      close();
      held = open(size, count);
    }
    return new Scorer(model, held, workspaces, size.budget, false);
  }

  private Lanes open(Size size, int count) {
    Lanes opened = new Lanes(size.lanes);
    lanes = opened;
    asked = count;
    bytes = size.bytes;
    int each = Math.max(1, threads / count);
    Workspace[] open = new Workspace[size.lanes];
    try {
      opened.run(
          lane ->
              open[lane] = new Workspace(lane, size.bytes, model.backend().gemms().apply(each)));
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
