package dev.nudge.cli.adapters;

import dev.nudge.calibrate.CalibratedFolder;
import dev.nudge.cli.console.LiveLine;
import dev.nudge.cli.console.ProgressLine;
import java.util.function.LongSupplier;

/// Draws how many layers are quantised, with the estimated time left.
final class LayerProgress implements CalibratedFolder.Progress {
  private static final int BAR = 20;

  private final LiveLine line;
  private final LongSupplier clock;
  private final long begun;
  private long start; // when the resumed layers were done
  private int earlier;

  /// @param clock nanoseconds
  LayerProgress(LiveLine line, LongSupplier clock) {
    this.line = line;
    this.clock = clock;
    this.begun = clock.getAsLong();
    this.start = begun;
  }

  @Override
  public void done(int layers, int all, int resumed) {
    long now = clock.getAsLong();
    if (resumed == layers) {
      start = now;
      earlier = layers;
    }
    int own = layers - earlier;
    String left =
        own == 0 || layers == all
            ? ""
            : "  " + ProgressLine.duration((now - start) / 1e9 / own * (all - layers)) + " left";
    int filled = BAR * layers / all;
    line.draw(
        "[%s%s] %d/%d layers  %s%s"
            .formatted(
                "#".repeat(filled),
                ".".repeat(BAR - filled),
                layers,
                all,
                ProgressLine.duration((now - begun) / 1e9),
                left),
        layers == all,
        false);
  }
}
