package dev.nudge.generate;

import dev.nudge.data.tokens.Example;
import dev.nudge.engine.RowScore;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.locks.Lock;
import org.jspecify.annotations.Nullable;

/// Rows that are scored together once the first of them is waited for, those of one adapter side by
/// side.
///
/// Threading: one thread.
final class ScoredTogether {
  private final Session session;
  private final int lanes;
  private List<Scored> waiting = new ArrayList<>();

  /// @param lanes threads that score side by side; null: as many as the session's. As the bits of a
  ///     score depend on it, it is the same for few rows
  ScoredTogether(Session session, @Nullable Integer lanes) {
    this.session = session;
    this.lanes = Objects.requireNonNullElseGet(lanes, session::threads);
  }

  RowStream.Pending<RowScore> add(Example example, AdapterCache.@Nullable Lease lease) {
    Scored added = new Scored(example, lease);
    waiting.add(added);
    return added;
  }

  private final class Scored implements RowStream.Pending<RowScore> {
    private final Example example;
    private final AdapterCache.@Nullable Lease lease;
    private @Nullable RowScore score;
    private @Nullable InputException failure;

    Scored(Example example, AdapterCache.@Nullable Lease lease) {
      this.example = example;
      this.lease = lease;
    }

    @Override
    public RowScore get() {
      if (score == null && failure == null) {
        scoreAll();
      }
      if (failure != null) {
        throw failure;
      }
      return Objects.requireNonNull(score);
    }

    @Override
    public void cancel() {
      TableModel.close(lease);
    }
  }

  private void scoreAll() {
    List<Scored> all = waiting;
    waiting = new ArrayList<>();
    try {
      Map<String, List<Scored>> adapters = new LinkedHashMap<>(); // "": the base
      for (Scored one : all) {
        String name = one.lease == null ? "" : one.lease.name();
        adapters.computeIfAbsent(name, _ -> new ArrayList<>()).add(one);
      }
      adapters.forEach((name, rows) -> score(rows, name.isEmpty() ? null : name));
    } finally {
      all.forEach(Scored::cancel);
    }
  }

  /// Scores rows; where there is too little memory for the longest of them, one by one.
  private void score(List<Scored> rows, @Nullable String adapter) {
    try {
      List<RowScore> scores = scores(rows, adapter);
      for (int i = 0; i < scores.size(); i++) {
        rows.get(i).score = scores.get(i);
      }
    } catch (InputException e) {
      if (rows.size() == 1) {
        rows.getFirst().failure = e;
      } else {
        rows.forEach(row -> score(List.of(row), adapter));
      }
    }
  }

  private List<RowScore> scores(List<Scored> rows, @Nullable String adapter) {
    Lock held = session.hold();
    try {
      List<Example> examples = rows.stream().map(row -> row.example).toList();
      List<RowScore> scores = session.engine().score(examples, lanes, adapter);
      if (scores.size() < rows.size()) {
        throw new RunException("interrupted: some rows are not scored");
      }
      return scores;
    } finally {
      held.unlock();
    }
  }
}
