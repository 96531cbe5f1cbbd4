package dev.nudge.train;

import dev.nudge.format.OutFolder;
import dev.nudge.settings.RunException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Supplier;

/// Writes the events of a run into `events.jsonl`, a line each, behind those of a run that it goes
/// on with.
///
/// It never fails a run: what the disk has no room for is written with a later event, or lost with
/// the process.
///
/// Threading: the run's thread.
final class EventLog implements Consumer<TrainEvent> {
  static final String FILE = "events.jsonl";

  private final Supplier<Path> folder;
  private final Deque<String> waiting = new ArrayDeque<>();
  private boolean open;

  /// @param folder where the run is now
  EventLog(Supplier<Path> folder) {
    this.folder = folder;
  }

  /// Has the events be written from now on: the folder is a run's.
  void open() {
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
