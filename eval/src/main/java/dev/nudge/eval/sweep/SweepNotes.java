package dev.nudge.eval.sweep;

import dev.nudge.eval.sweep.SweepFile.Entry;
import dev.nudge.format.RunFiles;
import dev.nudge.train.Training;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Writes into each run's `run.json` in which group it ran, and why it ended before its last step.
///
/// @param numbers of the groups, by the names of their settings
record SweepNotes(SweepFile file, Path out, Map<String, Integer> numbers, Sweep.Watcher watcher) {
  private static final String KEY = "sweep"; // of run.json

  SweepNotes(SweepFile file, Path out, Sweep.Watcher watcher) {
    this(file, out, new LinkedHashMap<>(), watcher);
  }

  /// Forgets the groups, which are made anew for a step.
  void regroup() {
    numbers.clear();
  }

  void number(String setting, int group) {
    numbers.put(setting, group);
  }

  /// Notes and tells that a setting ended before its last step.
  void ended(String setting, SweepState.End end, SweepState state) {
    if (!state.ended().containsKey(setting)) {
      state.end(setting, end);
    }
    note(setting, end);
    watcher.ended(setting, end.why());
  }

  /// Notes what ended before this process did and was not noted.
  void noteEarlier(List<Entry> going, SweepState state) {
    for (Entry entry : file.entries()) {
      Path folder = out.resolve(entry.name());
      if (!going.contains(entry)
          && Files.exists(folder.resolve(RunFiles.RUN))
          && !Training.record(folder).containsKey(KEY)) {
        note(entry.name(), state.ended().get(entry.name()));
      }
    }
  }

  /// Says in a run's `run.json` in which group it ran, and why it ended before its last step.
  void note(String setting, SweepState.@Nullable End end) {
    Path folder = out.resolve(setting);
    if (Files.exists(folder.resolve(RunFiles.RUN))) {
      Integer group = numbers.get(setting);
      Map<String, @Nullable Object> note = new LinkedHashMap<>();
      if (group != null) { // null: it ended in a process that was killed before it noted it
        note.put("group", group);
        note.put(
            "with",
            numbers.entrySet().stream()
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
