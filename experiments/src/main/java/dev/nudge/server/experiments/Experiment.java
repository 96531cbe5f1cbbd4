package dev.nudge.server.experiments;

import dev.nudge.chat.FieldException;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/// A running or finished experiment: its log, totals and verdict.
///
/// Every event is appended to the log and then counted, under one lock, so events are logged and
/// counted in the same order. The stopping rule runs after each event.
///
/// Threading: any thread. No disk flush happens under the lock; the resolver is called outside of
/// it.
final class Experiment implements AutoCloseable {
  private final Log log;
  private final ExperimentTotals tally;
  private final @Nullable Resolver resolver;
  private final InstantSource clock;
  private final History history;
  private final ReentrantLock lock = new ReentrantLock();
  private long lost; // events that could not be written

  private Experiment(
      Log log,
      ExperimentTotals tally,
      History history,
      @Nullable Resolver resolver,
      InstantSource clock) {
    this.log = log;
    this.tally = tally;
    this.history = history;
    this.resolver = resolver;
    this.clock = clock;
  }

  /// Creates an experiment with a new log.
  static Experiment create(
      Path file, Definition definition, Resolver resolver, InstantSource clock) {
    Log log = Log.open(file, record -> {});
    ExperimentEvent.Created created =
        new ExperimentEvent.Created(ExperimentEvent.Created.VERSION, definition, clock.millis());
    log.await(log.append(created.line()));
    History history = new History();
    history.apply(created);
    return new Experiment(log, new ExperimentTotals(definition), history, resolver, clock);
  }

  /// Resumes an experiment from its log; null if the log is empty because the process was killed
  /// before the start.
  ///
  /// @param resolver does rollbacks; null: none are done
  static @Nullable Experiment open(Path file, @Nullable Resolver resolver, InstantSource clock) {
    ExperimentLog.Reading reading = new ExperimentLog.Reading(file);
    Log log = Log.open(file, reading);
    ExperimentLog stored = null;
    try {
      stored = reading.end();
    } catch (RuntimeException e) {
      log.close();
      throw e;
    }
    if (stored == null) {
      log.close();
      return null;
    }
    if (stored.history().stopped() != null) {
      stored.tally().forget();
    }
    Experiment experiment = new Experiment(log, stored.tally(), stored.history(), resolver, clock);
    experiment.rollBack(); // if the last process was killed before its rollback
    return experiment;
  }

  Definition definition() {
    return tally.definition();
  }

  /// Returns the control arm; after the end the arm that answers.
  Arm first() {
    lock.lock();
    try {
      ExperimentEvent.Stopped stopped = history.stopped();
      return definition().arms().get(stopped == null ? 0 : stopped.arm());
    } finally {
      lock.unlock();
    }
  }

  /// Assigns a request to an arm. After the end, a failed rollback is retried.
  Routed route(Unit unit, String request) {
    Routed routed = assigned(unit, request);
    if (!routed.counts()) {
      rollBack();
    }
    return routed;
  }

  private Routed assigned(Unit unit, String request) {
    Definition definition = definition();
    String value = unit.value();
    long key =
        value == null
            ? ThreadLocalRandom.current().nextLong()
            : Assignment.key(definition.salt(), definition.name(), value);
    int bucket = Assignment.bucket(key);
    lock.lock();
    try {
      ExperimentEvent.Stopped stopped = history.stopped();
      if (stopped != null) {
        return new Routed(this, request, definition.arms().get(stopped.arm()), null, -1);
      }
      int stage = tally.stages().size() - 1;
      int arm = Assignment.arm(definition, stage, bucket);
      boolean shadowed = Assignment.shadowed(definition, bucket);
      String hash = value == null ? null : HexFormat.of().toHexDigits(key);
      long place =
          record(new ExperimentEvent.Assigned(request, arm, hash, stage, shadowed, clock.millis()));
      return new Routed(
          this,
          request,
          definition.arms().get(arm),
          shadowed ? definition.arms().get(1) : null,
          place);
    } finally {
      lock.unlock();
    }
  }

  /// Records the end of a request in an arm.
  void ended(String request, Arm arm, AnswerFacts facts) {
    int index = definition().arm(arm.name());
    if (index < 0) {
      throw new IllegalArgumentException(definition().name() + " has no arm " + arm.name());
    }
    lock.lock();
    try {
      if (history.stopped() == null) {
        record(new ExperimentEvent.Ended(request, index, facts));
        judge();
      }
    } finally {
      lock.unlock();
    }
    rollBack();
  }

  /// Logs and counts an event without waiting for the disk; a write error makes the experiment
  /// invalid, and the request continues.
  private long record(ExperimentEvent event) {
    try {
      long place = log.append(event.line());
      tally.apply(event);
      return place;
    } catch (RunException e) {
      lost++;
      return -1;
    }
  }

  /// Waits until the log is flushed to disk up to a position; returns false if that failed.
  boolean await(long place) {
    try {
      if (place >= 0) {
        log.await(place);
      }
      return place >= 0;
    } catch (RunException e) {
      lock.lock();
      try {
        lost++;
      } finally {
        lock.unlock();
      }
      return false;
    }
  }

  /// Records feedback on a known request or response, and waits until it is on disk.
  ///
  /// @param owner prefix of the ids of the client's requests
  /// @return the arm's name; null if the request is unknown, or another owner's
  /// @throws InputException if the feedback does not fit the experiment
  /// @throws RunException on a write error
  @Nullable AcceptedFeedback take(AnswerFeedback said, String owner) {
    long place;
    AcceptedFeedback taken;
    lock.lock();
    try {
      ExperimentEvent.FeedbackEvent given = said.in(tally, owner, clock.millis());
      if (given == null) {
        return null;
      }
      place = log.append(given.line());
      tally.apply(given);
      judge();
      taken =
          new AcceptedFeedback(
              definition().name(), definition().arms().get(given.arm()).name(), given.request());
    } finally {
      lock.unlock();
    }
    log.await(place);
    rollBack();
    return taken;
  }

  /// Stops the experiment: no more requests take part, and one arm answers for its model name.
  ///
  /// @param arm arm that answers from now on; null: the first
  void stop(@Nullable String arm, String reason) {
    int index = arm == null ? 0 : said(arm);
    long place;
    lock.lock();
    try {
      ExperimentEvent.Stopped stopped = history.stopped();
      if (stopped != null) {
        throw new InputException(
            "experiment %s has stopped already: %s"
                .formatted(definition().name(), stopped.reason()));
      }
      place = keep(new ExperimentEvent.Stopped(index, reason, null, clock.millis()));
    } finally {
      lock.unlock();
    }
    log.await(place);
  }

  private int said(String arm) {
    int index = definition().arm(arm);
    if (index < 0) {
      throw new FieldException(
          "arm",
          "experiment %s has no arm '%s'; it has %s"
              .formatted(
                  definition().name(),
                  arm,
                  String.join(", ", definition().arms().stream().map(Arm::name).toList())));
    }
    return index;
  }

  /// Applies the stopping rule to the current totals.
  private void judge() {
    if (history.stopped() != null || lost > 0) {
      return;
    }
    try {
      for (ExperimentEvent event : StoppingRule.after(tally, history.decided(), clock.millis())) {
        keep(event);
      }
    } catch (RunException e) {
      // retried after the next request
    }
  }

  private long keep(ExperimentEvent event) {
    long place = log.append(event.line());
    tally.apply(event);
    history.apply(event);
    if (event instanceof ExperimentEvent.Stopped) {
      tally.forget();
    }
    return place;
  }

  /// Returns the number of units and requests in memory.
  long remembered() {
    lock.lock();
    try {
      return tally.remembered();
    } finally {
      lock.unlock();
    }
  }

  /// Rolls back the adapter of a harmful arm, if that is still pending.
  private void rollBack() {
    if (resolver == null) {
      return;
    }
    ExperimentEvent.Stopped stopped;
    lock.lock();
    try {
      stopped = history.takeRollBack(clock.millis());
    } finally {
      lock.unlock();
    }
    if (stopped == null || stopped.harmful() == null) {
      return;
    }
    String error = null;
    try {
      Arm arm = definition().arms().get(stopped.harmful());
      resolver.rollBack(definition().name(), arm, stopped.reason());
    } catch (InputException e) {
      error = String.valueOf(e.getMessage()); // nothing to roll back
    } catch (RuntimeException e) { // such as a full disk: retried, also after a restart
      lock.lock();
      try {
        history.rollBackFailed(clock.millis(), String.valueOf(e.getMessage()));
      } finally {
        lock.unlock();
      }
      return;
    }
    lock.lock();
    try {
      keep(new ExperimentEvent.RolledBack(error, clock.millis()));
    } catch (RunException e) {
      lost++;
    } finally {
      lock.unlock();
    }
  }

  /// Returns the experiment as a list entry.
  Map<String, @Nullable Object> summary() {
    return read(false);
  }

  /// Returns the full report.
  Map<String, @Nullable Object> report() {
    rollBack();
    return read(true);
  }

  private Map<String, @Nullable Object> read(boolean whole) {
    lock.lock();
    try {
      return ExperimentReport.of(tally, history, lost, whole);
    } finally {
      lock.unlock();
    }
  }

  /// Accepted feedback.
  record AcceptedFeedback(String experiment, String arm, String request) {}

  @Override
  public void close() {
    log.close();
  }
}
