package dev.nudge.cli.train;

import dev.nudge.cli.console.ProgressLine;
import dev.nudge.eval.sweep.Sweep;
import dev.nudge.train.events.TrainEvent;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/// Shows a sweep on standard error: on a terminal one line per run, redrawn in place; else a line
/// at each held-out loss, at each end and at intervals.
///
/// Threading: one call at a time.
final class SweepBoard implements Sweep.Watcher {
  private static final int MOST = 20; // most lines that are redrawn
  private static final long REDRAW_NANOS = 200_000_000L;
  private static final long LINE_NANOS = 10_000_000_000L;

  private final PrintStream err;
  private final ProgressLine.Style style;
  private final LongSupplier clock;
  private final Map<String, Shown> shown = new LinkedHashMap<>();
  private int drawn; // drawn lines above the cursor
  private long drawnAt;

  /// The latest events of a run.
  private static final class Shown {
    private TrainEvent.@Nullable Step step;
    private TrainEvent.@Nullable Evaluated held;
    private @Nullable String end;
    private boolean started;

    String line(String name) {
      StringBuilder line = new StringBuilder(name);
      if (step != null) {
        line.append(
            String.format(
                Locale.ROOT, "  %d/%d  loss %.4f", step.step(), step.steps(), step.loss()));
      }
      if (held != null) {
        line.append(
            String.format(Locale.ROOT, "  held out %.4f after %d", held.loss(), held.step()));
      }
      return end == null ? line.toString() : line + "  " + end;
    }
  }

  SweepBoard(PrintStream err, ProgressLine.Style style, LongSupplier clock) {
    this.err = err;
    this.style = style;
    this.clock = clock;
  }

  @Override
  public void line(String line) {
    if (style != ProgressLine.Style.SILENT) {
      above(line);
    }
  }

  @Override
  public void warning(String line) {
    above("nudge: warning: " + line);
  }

  @Override
  public void event(String setting, TrainEvent event) {
    Shown of = shown.computeIfAbsent(setting, _ -> new Shown());
    switch (event) {
      case TrainEvent.Step step -> {
        of.step = step;
        told(setting, of, clock.getAsLong() - drawnAt >= LINE_NANOS, false);
      }
      case TrainEvent.Evaluated held -> {
        of.held = held;
        told(setting, of, true, false);
      }
      case TrainEvent.Finished finished -> {
        of.end = finished.state().name().toLowerCase(Locale.ROOT);
        of.started = false; // the next rung's run also warns before its start
        told(setting, of, true, true);
      }
      case TrainEvent.Started _ -> of.started = true;
      case TrainEvent.Warning said -> {
        if (of.started) { // earlier warnings are printed once for all runs
          warning(setting + ": " + said.line());
        }
      }
      case TrainEvent.Diverged sign -> warning(setting + ": " + sign.line());
      case TrainEvent.Failed _ -> of.end = "failed"; // the sweep reports the reason
      default -> {}
    }
  }

  @Override
  public void ended(String setting, String why) {
    Shown of = shown.computeIfAbsent(setting, _ -> new Shown());
    of.end = why;
    told(setting, of, true, true);
  }

  private void told(String setting, Shown of, boolean milestone, boolean edge) {
    switch (style) {
      case LIVE -> {
        long now = clock.getAsLong();
        if (edge || drawn == 0 || now - drawnAt >= REDRAW_NANOS) {
          draw();
          drawnAt = now;
        }
      }
      case LINES -> {
        if (milestone) {
          drawnAt = clock.getAsLong();
          err.println(of.line(setting));
        }
      }
      case SILENT -> {}
    }
  }

  private void draw() {
    clear();
    List<String> lines = new ArrayList<>();
    shown.forEach((name, of) -> lines.add(of.line(name)));
    if (lines.size() > MOST) {
      int more = lines.size() - MOST + 1;
      lines.subList(MOST - 1, lines.size()).clear();
      lines.add("and " + more + " more");
    }
    lines.forEach(line -> err.print("\u001b[?7l" + line + "\u001b[?7h\n"));
    err.flush();
    drawn = lines.size();
  }

  private void above(String line) {
    clear();
    err.println(line);
    if (drawn > 0) {
      draw();
    }
  }

  /// Erases the drawn lines.
  private void clear() {
    if (drawn > 0) {
      err.print("\u001b[" + drawn + "A\u001b[J");
      drawn = 0;
    }
  }
}
