package dev.nudge.runs;

import dev.nudge.format.OutFolder;
import dev.nudge.machine.Machine;
import dev.nudge.plan.Plan;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import dev.nudge.settings.NudgeException;
import dev.nudge.settings.Secret;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.Prepared;
import dev.nudge.train.Training;
import dev.nudge.train.events.RunResult;
import dev.nudge.train.events.RunState;
import dev.nudge.train.events.TrainEvent;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Executes a list of runs in order, as many in parallel as a budget of memory and threads allows.
///
/// All runs are checked before the first one starts. A run starts when the budget has the memory
/// and threads of its plan; no run overtakes a waiting one. A failed run does not stop the others.
/// The queue has no state on disk: after a kill, pass the same list again; finished runs are
/// skipped, unfinished ones resume, the others start.
///
/// Threading: the calling thread waits and delivers all events; each run has its own thread.
public final class RunQueue {
  /// A run in the queue.
  ///
  /// @param name of the run in messages, such as its file name
  public record Entry(String name, TrainSettings settings) {}

  /// The outcome of a run.
  ///
  /// @param state null if the run failed before it started
  /// @param failure null if the run succeeded
  public record Outcome(
      String name, Path out, @Nullable RunState state, @Nullable Throwable failure) {}

  /// Callback for messages of the queue and events of its runs.
  public interface Listener {
    /// A message of the queue: a run starts, ends or waits.
    void line(String line);

    /// An event of a run.
    void event(String name, TrainEvent event);
  }

  /// The memory and threads of a run.
  private record Needs(long bytes, int threads) {
    static Needs of(Plan plan) {
      return new Needs(plan.totalBytes(), plan.threads());
    }

    String shown() {
      return Bytes.shown(bytes) + " and " + Count.of(threads, "thread");
    }
  }

  private record Waiting(Entry entry, Needs needs) {}

  private final Machine budget;
  private final Listener listener;
  private final LinkedBlockingQueue<Runnable> told = new LinkedBlockingQueue<>();
  private final Map<String, Needs> running = new HashMap<>();
  private final List<Outcome> outcomes = new ArrayList<>();

  /// @param budget memory and threads for all runs together
  public RunQueue(Machine budget, Listener listener) {
    this.budget = budget;
    this.listener = listener;
  }

  /// Executes the runs.
  ///
  /// @param cancelled once true, active runs save and end, and no other run starts
  /// @return outcomes of the runs that started, in the order in which they ended
  /// @throws InputException in one line, if any of the runs is invalid; none has started then
  public List<Outcome> run(List<Entry> entries, BooleanSupplier cancelled) {
    checkPlaces(entries);
    List<Waiting> waiting = new ArrayList<>();
    for (Entry entry : entries) {
      Waiting next = checked(entry);
      if (next != null) {
        waiting.add(next);
      }
    }
    String said = "";
    while (!waiting.isEmpty() || !running.isEmpty()) {
      while (!waiting.isEmpty() && !cancelled.getAsBoolean() && fits(waiting.getFirst().needs())) {
        begin(waiting.removeFirst(), cancelled);
      }
      if (running.isEmpty()) {
        break; // cancelled
      }
      String line = line(waiting);
      if (!line.equals(said)) {
        listener.line(line);
        said = line;
      }
      await();
    }
    return List.copyOf(outcomes);
  }

  private static void checkPlaces(List<Entry> entries) {
    for (int i = 0; i < entries.size(); i++) {
      for (int j = 0; j < i; j++) {
        Path out = entries.get(i).settings().output().out().toAbsolutePath().normalize();
        Path other = entries.get(j).settings().output().out().toAbsolutePath().normalize();
        if (out.equals(other) || OutFolder.same(out, other)) {
          throw new InputException(
              "%s and %s both train into %s; give each its own folder"
                  .formatted(entries.get(j).name(), entries.get(i).name(), out));
        }
      }
    }
  }

  /// Checks a run and returns its needs; null if the run is already finished.
  private @Nullable Waiting checked(Entry entry) {
    try {
      if (Training.finished(entry.settings(), budget)) {
        listener.line(entry.name() + " is finished already");
        return null;
      }
      Prepared prepared = Training.prepare(entry.settings(), budget);
      Needs needs = Needs.of(prepared.plan());
      if (needs.bytes() > budget.memoryBytes() || needs.threads() > budget.threads()) {
        throw new InputException(
            "it takes %s, and the budget is %s; give more, or less to this run"
                .formatted(
                    needs.shown(), new Needs(budget.memoryBytes(), budget.threads()).shown()));
      }
      return new Waiting(entry, needs);
    } catch (InputException e) {
      InputException named = new InputException(entry.name() + ": " + e.getMessage(), e.details());
      named.initCause(e);
      throw named;
    }
  }

  private Needs free() {
    long bytes = budget.memoryBytes();
    int threads = budget.threads();
    for (Needs needs : running.values()) {
      bytes -= needs.bytes();
      threads -= needs.threads();
    }
    return new Needs(bytes, threads);
  }

  private boolean fits(Needs needs) {
    Needs free = free();
    return needs.bytes() <= free.bytes() && needs.threads() <= free.threads();
  }

  private String line(List<Waiting> waiting) {
    if (waiting.isEmpty()) {
      return Count.of(running.size(), "run") + " left, none waits";
    }
    Waiting first = waiting.getFirst();
    int more = waiting.size() - 1;
    return "%s waits for %s; %s are free%s"
        .formatted(
            first.entry().name(),
            first.needs().shown(),
            free().shown(),
            more == 0
                ? ""
                : "; " + more + " more " + (more == 1 ? "waits" : "wait") + " behind it");
  }

  private void begin(Waiting next, BooleanSupplier cancelled) {
    Entry entry = next.entry();
    running.put(entry.name(), next.needs());
    listener.line(entry.name() + " begins, into " + entry.settings().output().out());
    Consumer<TrainEvent> events = event -> told.add(() -> listener.event(entry.name(), event));
    Thread thread =
        new Thread(
            () -> {
              RunResult result = null;
              Throwable failure = null;
              try {
                result = Training.run(entry.settings(), budget, _ -> {}, events, cancelled);
              } catch (RuntimeException | Error e) {
                failure = e;
              }
              RunState state = result == null ? null : result.state();
              Outcome outcome =
                  new Outcome(entry.name(), entry.settings().output().out(), state, failure);
              told.add(() -> ended(outcome));
            },
            "nudge run " + entry.name());
    thread.start();
  }

  private void ended(Outcome outcome) {
    running.remove(outcome.name());
    outcomes.add(outcome);
    Throwable failure = outcome.failure();
    listener.line(
        outcome.name()
            + (failure == null
                ? " is " + String.valueOf(outcome.state()).toLowerCase(java.util.Locale.ROOT)
                : " failed: " + why(failure)));
  }

  private static String why(Throwable failure) {
    String said = failure.getMessage() == null ? "" : failure.getMessage();
    String kind =
        failure instanceof NudgeException
            ? ""
            : "internal error: " + failure.getClass().getSimpleName();
    return Secret.hidden(kind + (kind.isEmpty() || said.isEmpty() ? "" : ": ") + said);
  }

  /// Waits for the next message from a run; an interrupt is deferred.
  private void await() {
    boolean interrupted = false;
    while (true) {
      try {
        told.take().run();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
