package dev.nudge.server.experiments;

import static java.util.Objects.requireNonNull;

import dev.nudge.settings.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Access to a server's experiments folder without the server: reading at any time, stopping only
/// while no server runs.
///
/// @param folder folder of the server's experiments
public record StoredExperiments(Path folder) {

  /// Opens an existing folder.
  ///
  /// @throws InputException if there is no such folder
  public static StoredExperiments in(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw new InputException(folder + ": no such folder; give that of nudge serve --experiments");
    }
    return new StoredExperiments(folder);
  }

  /// Lists all experiments, as [Admin#list].
  public Map<String, @Nullable Object> list() {
    return Admin.listOf(all().values().stream().map(one -> one.report(false)).toList());
  }

  /// Reports one experiment, as [Admin#show].
  public Map<String, @Nullable Object> show(String name) {
    return named(name).report(true);
  }

  /// Stops one experiment, as [Admin#stop].
  ///
  /// @throws InputException if a server uses the folder
  public Map<String, @Nullable Object> stop(String name, @Nullable String arm, String reason) {
    named(name);
    Path file = folder.resolve(name + Experiments.SUFFIX);
    // the server does pending rollbacks when it starts
    try (Experiment experiment =
        requireNonNull(Experiment.open(file, null, InstantSource.system()))) {
      experiment.stop(arm, reason);
      return experiment.report();
    }
  }

  private ExperimentLog named(String name) {
    Map<String, ExperimentLog> all = all();
    ExperimentLog one = all.get(name);
    if (one == null) {
      throw new InputException(folder + ": " + Experiments.unknown(name, all.keySet()));
    }
    return one;
  }

  private Map<String, ExperimentLog> all() {
    Map<String, ExperimentLog> all = new TreeMap<>();
    List<Path> logs = new ArrayList<>(Experiments.logs(folder));
    for (Path log : logs) {
      ExperimentLog stored = ExperimentLog.read(log);
      if (stored != null) {
        all.put(stored.tally().definition().name(), stored);
      }
    }
    return all;
  }
}
