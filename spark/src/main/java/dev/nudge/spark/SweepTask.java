package dev.nudge.spark;

import dev.nudge.eval.sweep.Sweep;
import dev.nudge.eval.sweep.SweepWorkers;
import dev.nudge.eval.sweep.SweepWorkers.Reached;
import dev.nudge.format.Json;
import dev.nudge.machine.Machine;
import dev.nudge.machine.SystemMemory;
import dev.nudge.settings.InputException;
import dev.nudge.settings.MemoryException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.events.TrainEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.Function;
import org.jspecify.annotations.Nullable;

/// A task of a sweep: trains the runs of a share up to a step.
///
/// It takes and returns one line of JSON. A user error is returned, as Spark would repeat a task
/// that throws; after other errors Spark repeats it, and the runs resume from their checkpoints.
///
/// @param step step up to which the runs train
/// @param beside number of tasks that share a host's memory
record SweepTask(int step, int beside) implements Function<String, String> {
  private static final long serialVersionUID = 1L;

  /// The outcome of a share.
  ///
  /// @param wrong a user error; null: none
  /// @param warnings warnings of the runs, the first hundred
  record Outcome(List<Reached> reached, @Nullable String wrong, List<String> warnings) {}

  /// A task's input.
  ///
  /// @param runs settings of each run by key, each with its own `out`
  record Share(List<Map<String, Object>> runs) {}

  @Override
  public String call(String share) {
    TaskContext context = TaskContext.get();
    Machine here = Machine.here(ExecutorModel.cache());
    long memory = share(here.memoryBytes(), beside);
    // No reservations: those of other tasks on this host would reduce this task's share.
    Machine own = new Machine(context.cpus(), memory, here.cache(), here.name());
    List<TrainSettings> runs =
        Json.record(Json.parse(share), Share.class).runs().stream().map(TrainSettings::of).toList();
    runs.forEach(run -> Rank.awaitEarlier(run.output().out(), Rank.PATIENCE));
    return train(runs, own, equal(beside), context::isInterrupted);
  }

  /// Trains runs, and returns the [Outcome] as a line.
  ///
  /// @param equal an equal share of the host's memory; the machine may have less
  /// @throws RunException if the runs need more memory than that, so that Spark retries
  String train(List<TrainSettings> runs, Machine own, long equal, BooleanSupplier cancelled) {
    List<String> warnings = new ArrayList<>();
    try {
      List<Reached> reached = SweepWorkers.share(runs, step, own, new Warned(warnings), cancelled);
      return Json.line(new Outcome(reached, null, warnings));
    } catch (InputException e) {
      boolean ofMemory = e instanceof MemoryException || e.getCause() instanceof MemoryException;
      if (own.memoryBytes() < equal && ofMemory) { // memory may be free later
        throw new RunException(String.valueOf(e.getMessage()), e);
      }
      return Json.line(new Outcome(List.of(), e.getMessage(), warnings));
    }
  }

  /// Returns the memory of one of several tasks on a host: an equal share, even if others have
  /// already allocated theirs.
  ///
  /// @param free bytes that are free now
  static long share(long free, int beside) {
    return share(free, equal(beside), beside);
  }

  static long share(long free, long equal, int beside) {
    return Math.max(free / beside, Math.min(free, equal));
  }

  /// Returns an equal share of 7/8 of the host's memory.
  private static long equal(int beside) {
    return SystemMemory.here().totalBytes() / 8 * 7 / beside;
  }

  /// Keeps the warnings of the runs; the driver reads their steps from their files.
  private record Warned(List<String> warnings) implements Sweep.Watcher {
    @Override
    public void line(String line) {}

    @Override
    public void warning(String line) {
      if (warnings.size() < Rank.MOST_WARNINGS) {
        warnings.add(line);
      }
    }

    @Override
    public void event(String setting, TrainEvent event) {
      if (event instanceof TrainEvent.Warning warning) {
        warning(setting + ": " + warning.line());
      } else if (event instanceof TrainEvent.Diverged sign) {
        warning(setting + ": " + sign.line());
      }
    }

    @Override
    public void ended(String setting, String why) {}
  }
}
