package dev.nudge.engine;

import dev.nudge.data.tokens.Example;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.function.IntToLongFunction;
import org.jspecify.annotations.Nullable;

/// Rows that an engine scores, one batch per lane between two steps of the sequences.
///
/// Threading: confined to the engine's thread, once it has it.
final class ScoreJob {
  final List<Example> rows;
  final int lanes;
  final @Nullable String adapter;
  final Ticket ticket;
  private final Map<Integer, Long> bytes = new HashMap<>(); // of a lane, by tokens of a batch
  private Scorer.@Nullable Scores scores;

  /// @param lanes threads that score side by side
  /// @param adapter the name of its adapter; null: the base
  ScoreJob(List<Example> rows, int lanes, @Nullable String adapter, Ticket ticket) {
    this.rows = rows;
    this.lanes = lanes;
    this.adapter = adapter;
    this.ticket = ticket;
  }

  /// The longest row's tokens.
  int longest() {
    return rows.stream().mapToInt(Example::length).max().orElse(1);
  }

  /// Bytes that a lane needs for batches of so many tokens.
  ///
  /// @param measured tells them; asked once
  long bytes(int budget, IntToLongFunction measured) {
    return bytes.computeIfAbsent(budget, measured::applyAsLong);
  }

  /// Begins, by what has room for its rows.
  void begin(Scorer scorer) {
    scores = scorer.begin(rows);
  }

  /// Whether it has begun; before that it waits for room.
  boolean begun() {
    return scores != null;
  }

  /// Goes on, once it has begun.
  ///
  /// @return whether it is done
  boolean go(BooleanSupplier pause) {
    return Objects.requireNonNull(scores).go(() -> ticket.cancelled() || pause.getAsBoolean());
  }

  /// The scores of a job that was done.
  List<RowScore> scores() {
    return Objects.requireNonNull(scores).rows();
  }
}
