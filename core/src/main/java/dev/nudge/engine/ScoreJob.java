package dev.nudge.engine;

import dev.nudge.data.Example;
import java.util.List;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// Rows that an engine is to score, a batch a lane at a time where others want the model too.
///
/// Threading: confined to the engine's thread, once it has it.
final class ScoreJob {
  private final List<Example> rows;
  private final int lanes;
  final @Nullable String adapter;
  final Ticket ticket;
  private Scorer.@Nullable Scores scores;

  /// @param lanes threads that score side by side
  /// @param adapter the name of its adapter; null: the base
  ScoreJob(List<Example> rows, int lanes, @Nullable String adapter, Ticket ticket) {
    this.rows = rows;
    this.lanes = lanes;
    this.adapter = adapter;
    this.ticket = ticket;
  }

  /// Goes on, by what the lanes' workspaces are in.
  ///
  /// @return whether it is done
  boolean go(ScoreRoom room, BooleanSupplier pause) {
    if (scores == null) {
      scores = room.scorer(rows, lanes).begin(rows);
    }
    return scores.go(() -> ticket.cancelled() || pause.getAsBoolean());
  }

  /// The scores of a job that was done.
  List<RowScore> scores() {
    return Objects.requireNonNull(scores).rows();
  }
}
