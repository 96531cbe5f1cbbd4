package dev.nudge.train.events;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Runs a command at the events of a run (`--on-event` hook). The event is one JSON object on its
/// standard input, the event's name in `NUDGE_EVENT`. The command line contains no event or
/// setting.
///
/// The run never waits for a command: commands run on a thread of their own, one at a time. Events
/// queue up behind a slow command; when the queue is full, the oldest are dropped. At its end the
/// run waits 10 seconds for the queued events. Failing commands cause a single warning.
///
/// Threading: call [#accept] and [#close] from the run's thread.
public final class EventCommand implements Consumer<TrainEvent>, AutoCloseable {
  private static final int QUEUE = 64;
  private static final long PATIENCE_MILLIS = 10_000;

  private final List<String> command;
  private final Consumer<TrainEvent> listener;
  private final long patienceMillis;
  private final BlockingQueue<NamedEvent> queue = new ArrayBlockingQueue<>(QUEUE);
  private final Thread thread = new Thread(this::work, "nudge tells");
  private final Map<String, Object> run = new TreeMap<>();
  private volatile @Nullable Process running;
  private volatile boolean ends;
  private volatile @Nullable String failure;
  private boolean warned;

  /// @param text the event as JSON
  private record NamedEvent(String name, String text) {}

  private EventCommand(String command, Consumer<TrainEvent> listener, long patienceMillis) {
    this.command =
        System.getProperty("os.name").startsWith("Windows")
            ? List.of("cmd.exe", "/c", command)
            : List.of("/bin/sh", "-c", command);
    this.listener = listener;
    this.patienceMillis = patienceMillis;
    thread.setDaemon(true);
    thread.start();
  }

  /// Returns a listener that calls another listener, then the command.
  public static EventCommand of(String command, Consumer<TrainEvent> listener) {
    return new EventCommand(command, listener, PATIENCE_MILLIS);
  }

  /// Like the other `of`, with another timeout at the end of the run; for tests.
  static EventCommand of(String command, Consumer<TrainEvent> listener, long patienceMillis) {
    return new EventCommand(command, listener, patienceMillis);
  }

  @Override
  public void accept(TrainEvent event) {
    listener.accept(event);
    if (event instanceof TrainEvent.Started started) {
      run.put("run", started.run());
      run.put("out", started.out().toAbsolutePath().normalize().toString());
    }
    String name = EventLine.name(event);
    if (name != null) {
      NamedEvent told = new NamedEvent(name, EventLine.of(name, event, run) + "\n");
      while (!queue.offer(told)) {
        queue.poll(); // the oldest: the final event is always kept
        failure = "takes too long: events are dropped";
      }
    }
    warn();
  }

  private void warn() {
    String why = failure;
    if (why != null && !warned) {
      warned = true;
      listener.accept(
          new TrainEvent.Warning(
              "the command of --on-event " + why + "; the run goes on, and this is said once"));
    }
  }

  private void work() {
    try {
      while (!ends || !queue.isEmpty()) {
        NamedEvent told = queue.poll(50, TimeUnit.MILLISECONDS);
        if (told != null) {
          start(told);
        }
      }
    } catch (InterruptedException e) {
      Process left = running; // the run's end has waited long enough
      if (left != null) {
        left.descendants().forEach(ProcessHandle::destroyForcibly);
        left.destroyForcibly();
      }
    }
  }

  private void start(NamedEvent told) throws InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.redirectOutput(Redirect.DISCARD).redirectError(Redirect.DISCARD);
    builder.environment().put("NUDGE_EVENT", told.name);
    Process process;
    try {
      process = builder.start();
    } catch (IOException e) {
      failure = "cannot be started: " + e.getMessage();
      return;
    }
    running = process;
    try (OutputStream in = process.getOutputStream()) {
      in.write(told.text.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      // the command may ignore its input
    }
    int code = requireNonNull(process).waitFor();
    running = null;
    if (code != 0) {
      failure = "ended with exit code " + code + " at '" + told.name + "'";
    }
  }

  /// Waits for the commands of the last events, and kills those that take too long.
  @Override
  public void close() {
    ends = true;
    boolean interrupted = Thread.interrupted();
    long end = System.nanoTime() + patienceMillis * 1_000_000;
    while (thread.isAlive() && System.nanoTime() < end) {
      try {
        thread.join(Math.max(1, (end - System.nanoTime()) / 1_000_000));
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (thread.isAlive()) {
      failure =
          "has not ended within " + patienceMillis / 1000 + " s of the run's end and was stopped";
      thread.interrupt();
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    warn();
  }
}
