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

/// A task of a sweep: trains the settings of a share up to a step.
///
/// It takes and returns one line. What a user can mend is returned, since Spark would repeat a task
/// that throws; it repeats all else, and the runs go on from their checkpoints.
///
/// @param step up to which the settings train
/// @param beside tasks that share the memory of a host
record SweepTask(int step, int beside) implements Function<String, String> {
  private static final long serialVersionUID = 1L;

  /// The end of a share.
  ///
  /// @param wrong what a user can mend; null: nothing
  /// @param warnings the first hundred
  record Outcome(List<Reached> reached, @Nullable String wrong, List<String> warnings) {}

  /// A share as a task takes it.
  ///
  /// @param runs settings by key, each with its own `out`
  record Share(List<Map<String, Object>> runs) {}

  @Override
  public String call(String share) {
    TaskContext context = TaskContext.get();
    Machine here = Machine.here(ExecutorModel.cache());
    long memory = share(here.memoryBytes(), beside);
    // Without reservations: those of the tasks beside would be taken from this one's share.
    Machine own = new Machine(context.cpus(), memory, here.cache(), here.name());
    List<TrainSettings> runs =
        Json.record(Json.parse(share), Share.class).runs().stream().map(TrainSettings::of).toList();
    runs.forEach(run -> Rank.awaitEarlier(run.output().out(), Rank.PATIENCE));
    return train(runs, own, equal(beside), context::isInterrupted);
  }

  /// Trains runs, with the [Outcome] as a line.
  ///
  /// @param equal share of the host's memory, which the machine's may be less than
  /// @throws RunException if that lack of memory is in the way, so that Spark tries again
  String train(List<TrainSettings> runs, Machine own, long equal, BooleanSupplier cancelled) {
    List<String> warnings = new ArrayList<>();
    try {
      List<Reached> reached = SweepWorkers.share(runs, step, own, new Warned(warnings), cancelled);
      return Json.line(new Outcome(reached, null, warnings));
    } catch (InputException e) {
      boolean ofMemory = e instanceof MemoryException || e.getCause() instanceof MemoryException;
      if (own.memoryBytes() < equal && ofMemory) { // it may be there later
        throw new RunException(String.valueOf(e.getMessage()), e);
      }
      return Json.line(new Outcome(List.of(), e.getMessage(), warnings));
    }
  }

  /// Memory of one of several users of a host: an equal share, whatever the others have allocated
  /// before it asks.
  ///
  /// @param free what is free now
  static long share(long free, int beside) {
    return share(free, equal(beside), beside);
  }

  static long share(long free, long equal, int beside) {
    return Math.max(free / beside, Math.min(free, equal));
  }

  /// An equal share of the host's memory, without an eighth for all else.
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
