package dev.nudge.train.events;

import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/// A phase of a run other than steps, for the JDK Flight Recorder: `load`, `evaluate`,
/// `checkpoint`, `save`. The last two run on a background thread.
@Name("dev.nudge.Phase")
@Label("Phase")
@Category("nudge")
@StackTrace(false)
public final class PhaseEvent extends Event implements AutoCloseable {
  @Label("Phase")
  final String phase;

  @Label("After step")
  final int step;

  private PhaseEvent(String phase, int step) {
    this.phase = phase;
    this.step = step;
  }

  /// Begins a phase; closing it ends it.
  ///
  /// @param step number of steps made before
  public static PhaseEvent of(String phase, int step) {
    PhaseEvent event = new PhaseEvent(phase, step);
    event.begin();
    return event;
  }

  @Override
  public void close() {
    commit();
  }
}
