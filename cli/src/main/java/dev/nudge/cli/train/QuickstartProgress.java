package dev.nudge.cli.train;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.LiveLine;
import dev.nudge.cli.console.ProgressLine;
import dev.nudge.quickstart.Chapter;
import dev.nudge.train.events.TrainEvent;
import java.util.Locale;
import java.util.function.Consumer;

/// Prints a quickstart as it runs: results on standard output, progress on standard error.
///
/// Threading: events come one at a time.
final class QuickstartProgress implements Consumer<Chapter> {
  private final Console console;
  private final LiveLine live;
  private final ProgressLine steps;

  QuickstartProgress(Console console, LiveLine live) {
    this.console = console;
    this.live = live;
    this.steps = new ProgressLine(live, System::nanoTime);
  }

  @Override
  public void accept(Chapter chapter) {
    switch (chapter) {
      case Chapter.Answered(int done, int of) ->
          live.draw(String.format(Locale.ROOT, "%,d of %,d answers", done, of), false, false);
      case Chapter.Trains(TrainEvent event) -> {
        if (event instanceof TrainEvent.Step) {
          steps.accept(event); // other events are printed by the page
        }
      }
      case Chapter.Warned(String line) -> {
        live.clear();
        console.warn(line);
      }
      case Chapter.Opened _,
          Chapter.Begun _,
          Chapter.Base _,
          Chapter.Ready _,
          Chapter.Trained _,
          Chapter.Adapted _,
          Chapter.Samples _,
          Chapter.Merges _,
          Chapter.Sizes _ -> {
        live.clear();
        QuickstartPage.lines(chapter).forEach(console::result);
      }
    }
  }
}
