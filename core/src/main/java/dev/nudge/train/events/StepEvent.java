package dev.nudge.train.events;

import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/// An optimiser step, for the JDK Flight Recorder; without a recording it costs nothing.
@Name("dev.nudge.Step")
@Label("Step")
@Category("nudge")
@StackTrace(false)
public final class StepEvent extends Event {
  @Label("Step")
  int step;

  @Label("Loss")
  double loss;

  @Label("Tokens")
  long tokens;

  @Label("Seconds")
  double seconds;

  /// Ends the event.
  ///
  /// @param told the step as listeners receive it
  public void end(TrainEvent.Step told) {
    end();
    if (shouldCommit()) {
      step = told.step();
      loss = told.loss();
      tokens = told.tokens();
      seconds = told.seconds();
      commit();
    }
  }

  public static StepEvent started() {
    StepEvent event = new StepEvent();
    event.begin();
    return event;
  }
}
