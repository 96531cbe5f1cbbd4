package dev.nudge.eval.sweep;

import dev.nudge.eval.sweep.SweepFile.Entry;
import dev.nudge.eval.sweep.SweepFile.Halving;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Trains the settings of a sweep rung by rung, and ends the worst at each.
///
/// Threading: one thread calls.
///
/// @param places where they train
record SweepTraining(SweepFile file, SweepPlaces places, SweepNotes notes) {

  /// Trains to the end, or until it is cancelled.
  ///
  /// @return whether it was cancelled
  boolean run(List<Entry> entries, SweepState state) {
    Halving halving = file.halving();
    List<Integer> targets = new ArrayList<>();
    if (halving != null) {
      halving.at().stream().filter(at -> !state.decided(at)).forEach(targets::add);
    }
    targets.add(Integer.MAX_VALUE);
    notes.noteEarlier(entries, state);
    List<Entry> going = new ArrayList<>(entries);
    for (int target : targets) {
      Map<String, @Nullable Double> losses = new LinkedHashMap<>();
      notes.regroup();
      if (!going.isEmpty()
          && !places.train(names(going), target, reached -> take(reached, losses, state))) {
        return true;
      }
      going.removeIf(entry -> !losses.containsKey(entry.name()));
      if (halving != null && target != Integer.MAX_VALUE) {
        going.removeAll(decide(target, losses, going, state, halving));
      }
    }
    return false;
  }

  private static List<String> names(List<Entry> entries) {
    return entries.stream().map(Entry::name).toList();
  }

  /// Notes which settings of a group ended, and the losses of those that go on.
  private void take(List<Reached> group, Map<String, @Nullable Double> losses, SweepState state) {
    group.forEach(one -> notes.number(one.name(), one.group()));
    for (Reached one : group) {
      String failure = one.failure();
      if (failure != null) {
        notes.ended(one.name(), new SweepState.End(one.steps(), "failed", failure), state);
      } else if (one.finished()) {
        notes.note(one.name(), null);
      } else if (one.measured()) {
        losses.put(one.name(), one.loss());
      }
    }
  }

  /// Ends the worst at a rung.
  ///
  /// @return those that ended
  private List<Entry> decide(
      int at,
      Map<String, @Nullable Double> losses,
      List<Entry> going,
      SweepState state,
      Halving halving) {
    List<Entry> ranked = new ArrayList<>(going);
    ranked.sort(
        Comparator.comparingDouble(
            entry ->
                Objects.requireNonNullElse(losses.get(entry.name()), Double.POSITIVE_INFINITY)));
    int kept = Math.min(ranked.size(), halving.kept(ranked.size()));
    List<Entry> worst = ranked.subList(kept, ranked.size());
    Map<String, SweepState.End> ends = new LinkedHashMap<>();
    for (Entry entry : worst) {
      String why =
          "halving at step %d: held-out loss %.4f, %d of %d; the best %d go on"
              .formatted(
                  at,
                  Objects.requireNonNullElse(losses.get(entry.name()), Double.NaN),
                  ranked.indexOf(entry) + 1,
                  ranked.size(),
                  kept);
      ends.put(entry.name(), new SweepState.End(at, "halving", why));
    }
    places.stop(List.copyOf(ends.keySet()));
    state.decide(new SweepState.Rung(at, losses), ends);
    ends.forEach((name, end) -> notes.ended(name, end, state));
    return List.copyOf(worst);
  }
}
