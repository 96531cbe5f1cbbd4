package dev.nudge.spark;

import dev.nudge.eval.sweep.Reached;
import dev.nudge.eval.sweep.Sweep;
import dev.nudge.eval.sweep.SweepShare;
import dev.nudge.format.Json;
import dev.nudge.machine.Machine;
import dev.nudge.machine.SystemMemory;
import dev.nudge.settings.InputException;
import dev.nudge.settings.MemoryException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.TrainSettings;
import dev.nudge.train.TrainEvent;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
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
    Machine here = Machine.here(ExecutorCache.folder());
    long equal = SystemMemory.here().totalBytes() / 8 * 7 / beside;
    long memory = share(here.memoryBytes(), equal, beside);
    // Without reservations: those of the tasks beside would be taken from this one's share.
    Machine own = new Machine(context.cpus(), memory, here.cache(), here.name());
    List<TrainSettings> runs =
        Json.record(Json.parse(share), Share.class).runs().stream().map(TrainSettings::of).toList();
    runs.forEach(run -> Rank.awaitEarlier(run.output().out(), Rank.PATIENCE));
    List<String> warnings = new ArrayList<>();
    try {
      List<Reached> reached =
          SweepShare.train(runs, step, own, new Warned(warnings), context::isInterrupted);
      return Json.line(new Outcome(reached, null, warnings));
    } catch (InputException e) {
      boolean ofMemory = e instanceof MemoryException || e.getCause() instanceof MemoryException;
      if (memory < equal && ofMemory) { // it may be there later
        throw new RunException(String.valueOf(e.getMessage()), e); // Spark tries again
      }
      return Json.line(new Outcome(List.of(), e.getMessage(), warnings));
    }
  }

  /// Memory of a task: an equal share of the host's, whatever the tasks beside it have allocated
  /// before it is tried again.
  ///
  /// @param free what is free now
  /// @param share of the host's memory, without an eighth for all else
  static long share(long free, long share, int beside) {
    return Math.max(free / beside, Math.min(free, share));
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
