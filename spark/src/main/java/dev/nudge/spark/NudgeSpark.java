package dev.nudge.spark;

import dev.nudge.collective.Collective;
import dev.nudge.machine.Machine;
import dev.nudge.settings.TrainSettings;
import dev.nudge.train.Prepared;
import dev.nudge.train.RunResult;
import dev.nudge.train.TrainEvent;
import dev.nudge.train.Training;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.apache.spark.sql.SparkSession;

/// Trains on the machines of a Spark cluster by data parallelism. N ranks with L lanes give the
/// bytes of one process with N·L lanes, where that cuts no row over its lanes.
///
/// Each rank reads `--model` from a path that all machines see. Rank 0 reads the rows and writes
/// `--out`, which the driver reads too: a folder that both see.
public final class NudgeSpark {
  private NudgeSpark() {}

  /// Trains on so many ranks, which must find a place at once.
  ///
  /// @throws dev.nudge.settings.InputException in one line, for whatever a user can fix
  /// @throws dev.nudge.settings.RunException if the run fails
  public static RunResult train(SparkSession session, TrainSettings settings, int ranks) {
    return train(session, settings, RankSettings.of(ranks), _ -> {}, () -> false);
  }

  /// Trains, and reports the steps.
  ///
  /// @param events receives warnings, the plan and the steps, on this thread
  /// @param cancelled once true, the run is saved as it is and ends
  public static RunResult train(
      SparkSession session,
      TrainSettings settings,
      RankSettings ranks,
      Consumer<TrainEvent> events,
      BooleanSupplier cancelled) {
    Machine driver = driver(ranks.ranks());
    if (Training.finished(settings, driver)) {
      return Training.run(settings, driver, _ -> {}, events, cancelled);
    }
    Slots.await(session.sparkContext(), ranks.ranks());
    Prepared prepared = Training.prepare(settings, driver, events);
    prepared.warnings().forEach(line -> events.accept(new TrainEvent.Warning(line)));
    prepared.rows().forEach(line -> events.accept(new TrainEvent.Planned(line)));
    return new Stage(session.sparkContext(), prepared, ranks, events, cancelled).run();
  }

  /// The driver as one of so many machines on which a run is checked before it starts: memory is a
  /// question to the executors.
  static Machine driver(int ranks) {
    return Machine.here(ExecutorCache.folder())
        .withMemory(Long.MAX_VALUE / 4)
        .among(Collective.planned(ranks));
  }
}
