package dev.nudge.spark;

import dev.nudge.eval.sweep.Sweep;
import dev.nudge.eval.sweep.SweepWorkers;
import dev.nudge.eval.sweep.SweepWorkers.Reached;
import dev.nudge.format.Json;
import dev.nudge.machine.Machine;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.train.events.RunState;
import dev.nudge.train.events.TrainEvent;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaSparkContext;

/// Trains the shares of a sweep, one Spark task per share and one job per rung. Spark places the
/// tasks and repeats a task that fails (`spark.task.maxFailures`) or whose executor is lost.
///
/// As a rung is a job, only a lost task is repeated, from its checkpoints. A barrier stage would
/// repeat all tasks; with asynchronous halving, speed would decide which settings survive.
///
/// Threading: one thread calls.
final class SparkSweep implements SweepWorkers {
  private final SparkContext spark;
  private final int tasks; // 0: as many as the cluster runs
  private int places; // 0: not known yet
  private final BooleanSupplier cancelled;
  private final Map<Path, Metrics> metrics = new HashMap<>();

  /// @param tasks parallel tasks; 0: as many as the cluster runs now
  SparkSweep(SparkContext spark, int tasks, BooleanSupplier cancelled) {
    this.spark = spark;
    this.tasks = tasks;
    refuse(spark.getConf(), tasks);
    this.cancelled = cancelled;
  }

  /// Refuses configurations that cannot run a sweep.
  static void refuse(SparkConf conf, int tasks) {
    if (conf.getBoolean("spark.speculation", false)) {
      throw new InputException(
          "spark.speculation is true; two attempts of a task would want the same folders, so set it"
              + " to false");
    }
    if (tasks == 0 && conf.getBoolean("spark.dynamicAllocation.enabled", false)) {
      throw new InputException(
          "spark.dynamicAllocation.enabled is true; the number of executors is not known, so give"
              + " --tasks");
    }
  }

  @Override
  public Machine machine() {
    Machine here = NudgeSpark.driver(1);
    int cores = spark.getConf().getInt("spark.task.cpus", 1);
    return new Machine(cores, here.memoryBytes(), here.cache(), here.name());
  }

  @Override
  public int places() {
    if (places == 0) {
      int settled = Slots.settled(spark); // waits for executors
      places = tasks == 0 ? settled : tasks;
    }
    return places;
  }

  @Override
  public List<List<Reached>> train(List<List<Planned>> shares, int step, Sweep.Watcher watcher) {
    List<Planned> all = shares.stream().flatMap(List::stream).toList();
    for (Planned run : all) {
      Path out = run.settings().output().out();
      String name = String.valueOf(out.getFileName());
      metrics.computeIfAbsent(
          out, _ -> new Metrics(out, 0, run.steps(), event -> watcher.event(name, event)));
    }
    List<String> lines =
        shares.stream()
            .map(share -> share.stream().map(run -> SharedPaths.given(run.settings())).toList())
            .map(runs -> Json.line(new SweepTask.Share(runs)))
            .toList();
    SweepTask task = new SweepTask(step, Slots.beside(spark));
    Job job =
        Job.run(
            spark,
            "nudge sweep",
            () ->
                JavaSparkContext.fromSparkContext(spark)
                    .parallelize(lines, lines.size())
                    .map(task)
                    .collect(),
            () -> all.forEach(run -> metricsOf(run).read()),
            cancelled);
    Throwable failure = job.failure();
    if (failure != null) {
      throw new RunException(
          "a task failed: %s; --resume goes on with the sweep".formatted(Job.line(failure)),
          failure);
    }
    List<String> ended = job.lines();
    if (ended == null) {
      all.forEach(run -> Job.awaitLeft(run.settings().output().out()));
      return List.of();
    }
    return ended.stream().map(line -> reached(line, watcher)).toList();
  }

  private Metrics metricsOf(Planned run) {
    return Objects.requireNonNull(metrics.get(run.settings().output().out()));
  }

  private static List<Reached> reached(String line, Sweep.Watcher watcher) {
    SweepTask.Outcome outcome = Json.record(Json.parse(line), SweepTask.Outcome.class);
    outcome.warnings().forEach(watcher::warning);
    String wrong = outcome.wrong();
    if (wrong != null) {
      throw new InputException(wrong);
    }
    for (Reached one : outcome.reached()) {
      if (one.finished()) {
        watcher.event(
            one.name(), new TrainEvent.Finished(RunState.FINISHED, one.steps(), 0, 0, null, null));
      }
    }
    return outcome.reached();
  }
}
