package dev.nudge.eval.sweep;

import dev.nudge.eval.sweep.SweepFile.Entry;
import dev.nudge.eval.sweep.SweepFile.Halving;
import dev.nudge.eval.sweep.SweepWorkers.Reached;
import dev.nudge.format.RunFiles;
import dev.nudge.train.Training;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Trains the settings of a sweep rung by rung, and stops the worst at each. Each run's `run.json`
/// records its group, and why it was stopped early.
///
/// Threading: one thread calls.
///
/// @param places trains the settings, here or elsewhere
/// @param groups number of each setting's group in the present rung
record SweepTraining(
    SweepFile file,
    Path out,
    Places places,
    SweepState state,
    Sweep.Watcher watcher,
    Map<String, Integer> groups) {
  private static final String KEY = "sweep"; // key in run.json

  SweepTraining(SweepFile file, Path out, Places places, SweepState state, Sweep.Watcher watcher) {
    this(file, out, places, state, watcher, new LinkedHashMap<>());
  }

  /// Trains to the end, or until cancelled.
  ///
  /// @return whether it was cancelled
  boolean run(List<Entry> entries) {
    Halving halving = file.halving();
    List<Integer> targets = new ArrayList<>();
    if (halving != null) {
      halving.at().stream().filter(at -> !state.decided(at)).forEach(targets::add);
    }
    targets.add(Integer.MAX_VALUE);
    noteEarlier(entries);
    List<Entry> going = new ArrayList<>(entries);
    for (int target : targets) {
      Map<String, @Nullable Double> losses = new LinkedHashMap<>();
      groups.clear();
      if (!going.isEmpty()
          && !places.train(names(going), target, reached -> take(reached, losses))) {
        return true;
      }
      going.removeIf(entry -> !losses.containsKey(entry.name()));
      if (halving != null && target != Integer.MAX_VALUE) {
        going.removeAll(decide(target, losses, going, halving));
      }
    }
    return false;
  }

  private static List<String> names(List<Entry> entries) {
    return entries.stream().map(Entry::name).toList();
  }

  /// Records which settings of a group failed, and the losses of the continuing ones.
  private void take(List<Reached> group, Map<String, @Nullable Double> losses) {
    group.forEach(one -> groups.put(one.name(), one.group()));
    for (Reached one : group) {
      String failure = one.failure();
      if (failure != null) {
        ended(one.name(), new SweepState.End(one.steps(), "failed", failure));
      } else if (one.finished()) {
        note(one.name(), null);
      } else if (one.measured()) {
        losses.put(one.name(), one.loss());
      }
    }
  }

  /// Stops the worst at a rung.
  ///
  /// @return the stopped settings
  private List<Entry> decide(
      int at, Map<String, @Nullable Double> losses, List<Entry> going, Halving halving) {
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
    ends.forEach(this::ended);
    return List.copyOf(worst);
  }

  /// Trains settings of a sweep, here or elsewhere.
  interface Places extends AutoCloseable {
    /// Trains settings up to a step, resuming from their folders.
    ///
    /// @param names names of the continuing settings
    /// @param told receives the progress of each setting, a list per group
    /// @return false if it was cancelled
    /// @throws dev.nudge.settings.InputException if a setting cannot be trained there
    /// @throws dev.nudge.settings.RunException if a group failed for another reason than divergence
    boolean train(List<String> names, int target, Consumer<List<Reached>> told);

    /// Saves and stops settings that do not continue.
    void stop(List<String> names);

    @Override
    void close();
  }

  /// Records and reports that a setting was stopped early.
  private void ended(String setting, SweepState.End end) {
    if (!state.ended().containsKey(setting)) {
      state.end(setting, end);
    }
    note(setting, end);
    watcher.ended(setting, end.why());
  }

  /// Records settings that an earlier process stopped without recording it.
  private void noteEarlier(List<Entry> going) {
    for (Entry entry : file.entries()) {
      Path folder = out.resolve(entry.name());
      if (!going.contains(entry)
          && Files.exists(folder.resolve(RunFiles.RUN))
          && !Training.record(folder).containsKey(KEY)) {
        note(entry.name(), state.ended().get(entry.name()));
      }
    }
  }

  /// Records in a run's `run.json` its group, and why it was stopped early.
  private void note(String setting, SweepState.@Nullable End end) {
    Path folder = out.resolve(setting);
    if (Files.exists(folder.resolve(RunFiles.RUN))) {
      Integer group = groups.get(setting);
      Map<String, @Nullable Object> note = new LinkedHashMap<>();
      if (group != null) { // null: its process was killed before it recorded the group
        note.put("group", group);
        note.put(
            "with",
            groups.entrySet().stream()
                .filter(other -> other.getValue().equals(group))
                .map(Map.Entry::getKey)
                .filter(name -> !name.equals(setting))
                .toList());
      }
      note.put("ended_step", end == null ? null : end.step());
      note.put("why", end == null ? null : end.why());
      Training.note(folder, KEY, note);
    }
  }
}
