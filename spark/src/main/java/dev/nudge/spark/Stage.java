package dev.nudge.spark;

import dev.nudge.format.Json;
import dev.nudge.format.RunFiles;
import dev.nudge.settings.DivergedException;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.Prepared;
import dev.nudge.train.Training;
import dev.nudge.train.events.RunResult;
import dev.nudge.train.events.RunState;
import dev.nudge.train.events.TrainEvent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.jspecify.annotations.Nullable;
import scala.reflect.ClassTag$;

/// Runs a barrier stage from the driver. Spark never repeats a barrier stage that ends a job, so
/// this does, from the newest checkpoint; the result has the same bytes as an uninterrupted run. It
/// gives up after `attempts` consecutive failures without a step between them.
///
/// Threading: the calling thread reports events and polls for cancellation; another waits for the
/// job.
final class Stage {
  private static final int LONGEST_PAUSE = 30; // seconds between attempts
  private static final int SECRET = 32;

  private final SparkContext spark;
  private final TrainSettings settings;
  private final Path out;
  private final RankSettings ranks;
  private final Consumer<TrainEvent> events;
  private final BooleanSupplier cancelled;
  private final Metrics metrics;
  private final @Nullable Object earlier; // id of the run that was in the folder

  Stage(
      SparkContext spark,
      Prepared prepared,
      RankSettings ranks,
      Consumer<TrainEvent> events,
      BooleanSupplier cancelled) {
    this.spark = spark;
    this.settings = prepared.settings();
    this.out = settings.output().out();
    this.ranks = ranks;
    this.events = events;
    this.cancelled = cancelled;
    var resumed = prepared.schedule().resumed();
    this.metrics = new Metrics(out, resumed == null ? 0 : resumed.step(), prepared.steps(), events);
    this.earlier = id();
  }

  private @Nullable Object id() {
    return Files.exists(out.resolve(RunFiles.RUN)) ? Training.record(out).get("id") : null;
  }

  RunResult run() {
    int failures = 0;
    int reached = 0;
    while (true) {
      Attempt attempt = attempt();
      RunResult result = attempt.result();
      if (result != null) {
        return result;
      }
      failures = metrics.step() > reached ? 1 : failures + 1;
      reached = metrics.step();
      if (failures >= ranks.attempts()) {
        throw new RunException(
            "%s; given up after %d failures in a row, --attempts %d"
                .formatted(attempt.failure(), failures, ranks.attempts()));
      }
      events.accept(
          new TrainEvent.Warning(
              "the stage failed behind step %d: %s; it begins again from the newest checkpoint"
                  .formatted(reached, attempt.failure())));
      pause(Math.min(LONGEST_PAUSE, 1 << Math.min(failures, 10)));
      if (cancelled.getAsBoolean()) {
        return stopped();
      }
      Slots.await(spark, ranks.ranks()); // until an executor replaces the lost one
    }
  }

  /// @param result result of the run; null: it failed
  private record Attempt(@Nullable RunResult result, String failure) {}

  private Attempt attempt() {
    byte[] secret = new byte[SECRET];
    new SecureRandom().nextBytes(secret);
    Job job =
        Job.run(
            spark,
            "nudge train " + out,
            () -> collect(new Rank(text(), ranks, secret)),
            metrics::read,
            cancelled);
    List<String> lines = job.lines();
    if (lines != null) {
      return ended(lines.stream().map(line -> Json.record(Json.parse(line), Rank.Outcome.class)));
    }
    Throwable failure = job.failure();
    return failure == null ? new Attempt(stopped(), "") : new Attempt(null, Job.line(failure));
  }

  private List<String> collect(Rank rank) {
    List<Integer> places = IntStream.range(0, ranks.ranks()).boxed().toList();
    return JavaSparkContext.fromSparkContext(spark)
        .parallelize(new ArrayList<>(places), ranks.ranks())
        .rdd()
        .barrier()
        .mapPartitions(rank, false, ClassTag$.MODULE$.<String>apply(String.class))
        .toJavaRDD()
        .collect();
  }

  /// Returns the given settings as JSON; once the run has replaced another, without `overwrite`.
  private String text() {
    Map<String, Object> values = SharedPaths.given(settings);
    if (!Objects.equals(earlier, id())) {
      values.remove("overwrite");
    }
    return Json.line(values);
  }

  /// Combines the outcomes of the ranks.
  private Attempt ended(Stream<Rank.Outcome> outcomes) {
    List<Rank.Outcome> all = outcomes.toList();
    Rank.Outcome first = all.getFirst();
    first.warnings().forEach(line -> events.accept(new TrainEvent.Warning(line)));
    if (first.kind() == Rank.Outcome.Kind.DONE) {
      return new Attempt(Json.record(Json.parse(first.text()), RunResult.class), "");
    }
    for (Rank.Outcome outcome : all) {
      if (outcome.kind() == Rank.Outcome.Kind.WRONG) {
        throw new InputException(outcome.text());
      }
      if (outcome.kind() == Rank.Outcome.Kind.DIVERGED) {
        throw new DivergedException(outcome.text());
      }
    }
    return new Attempt(
        null,
        all.stream()
            .filter(one -> one.kind() == Rank.Outcome.Kind.FAILED) // others only lost it
            .findFirst()
            .orElse(first)
            .text());
  }

  /// Waits until rank 0, which polls between two steps, has saved.
  private RunResult stopped() {
    Job.awaitLeft(out);
    return new RunResult(
        RunState.STOPPED,
        String.valueOf(id()),
        out,
        metrics.step(),
        0,
        0,
        0,
        0,
        null,
        null,
        null,
        null,
        null,
        false,
        null);
  }

  private void pause(int seconds) {
    for (int i = 0; i < 2 * seconds && !cancelled.getAsBoolean(); i++) {
      Job.sleep(Job.LOOK);
    }
  }
}
