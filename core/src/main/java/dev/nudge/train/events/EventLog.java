package dev.nudge.train.events;

import dev.nudge.format.OutFolder;
import dev.nudge.settings.RunException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Supplier;

/// Appends the events of a run to `events.jsonl`, one JSON object a line. A resumed run continues
/// the file.
///
/// A full disk never fails the run: lines that could not be written are written with a later event,
/// or lost when the process ends.
///
/// Threading: the run's thread.
public final class EventLog implements Consumer<TrainEvent> {
  public static final String FILE = "events.jsonl";

  private final Supplier<Path> folder;
  private final Deque<String> waiting = new ArrayDeque<>();
  private boolean open;

  /// @param folder the current folder of the run
  public EventLog(Supplier<Path> folder) {
    this.folder = folder;
  }

  /// Starts writing, once the run owns its folder.
  public void open() {
    open = true;
    write();
  }

  @Override
  public void accept(TrainEvent event) {
    String name = EventLine.name(event);
    if (name != null) {
      waiting.add(EventLine.of(name, event, Map.of("time", Instant.now().toString())));
      write();
    }
  }

  private void write() {
    try {
      while (open && !waiting.isEmpty()) {
        OutFolder.append(folder.get().resolve(FILE), waiting.getFirst());
        waiting.removeFirst();
      }
    } catch (RunException e) {
      // written with a later event
    }
  }
}
