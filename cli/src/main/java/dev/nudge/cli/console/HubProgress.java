package dev.nudge.cli.console;

import dev.nudge.hub.HubListener;
import dev.nudge.hub.RepoName;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.Count;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/// Draws a download on standard error: the file names, a bar, the rate and the time left.
///
/// The rate is that of the last few seconds, as an exponential mean over pieces of half a second.
///
/// Threading: events come one at a time.
public final class HubProgress implements HubListener {
  private static final String FETCHING = "fetching";
  private static final int BAR = 20;
  private static final long MANY = 10 << 20; // bytes; below, no lines without a terminal
  private static final long PIECE_NANOS = 500_000_000L;
  private static final double KEPT = 0.8;

  private final Console console;
  private @Nullable LiveLine line; // created on first use, as it queries the terminal
  private final LongSupplier clock;
  private final String verb;
  private long pieceAt;
  private long pieceDone;
  private double rate = Double.NaN; // bytes a second
  private long tenth = -1;

  /// @param verb the activity, such as `fetching`
  /// @param clock nanoseconds
  public HubProgress(Console console, String verb, LongSupplier clock) {
    this.console = console;
    this.clock = clock;
    this.verb = verb;
    this.pieceAt = clock.getAsLong();
  }

  public HubProgress(Console console) {
    this(console, FETCHING, System::nanoTime);
  }

  private LiveLine line() {
    if (line == null) {
      line = new LiveLine(console.messages(), ProgressLine.style(console), clock, "");
    }
    return line;
  }

  @Override
  public void begin(RepoName name, int files, long bytes, Path cache) {
    String what =
        "%s %s: %s, %s".formatted(verb, name, Count.of(files, "file"), Bytes.shown(bytes));
    line().note(verb.equals(FETCHING) ? what + ", into " + cache : what);
    pieceAt = clock.getAsLong();
    pieceDone = 0;
    rate = Double.NaN;
    tenth = 0;
  }

  @Override
  public void progress(long done, long all) {
    long now = clock.getAsLong();
    if (done < pieceDone) {
      pieceDone = done; // a partial download was discarded
    }
    if (now - pieceAt >= PIECE_NANOS) {
      double latest = (done - pieceDone) / ((now - pieceAt) / 1e9);
      rate = Double.isNaN(rate) ? latest : KEPT * rate + (1 - KEPT) * latest;
      pieceAt = now;
      pieceDone = done;
    }
    long reached = all == 0 ? 10 : 10 * done / all;
    line().draw(text(done, all), false, reached > tenth && all >= MANY);
    tenth = Math.max(tenth, reached);
  }

  private String text(long done, long all) {
    int filled = (int) (all == 0 ? BAR : BAR * done / all);
    String bar = "#".repeat(filled) + ".".repeat(BAR - filled);
    String speed =
        Double.isNaN(rate)
            ? ""
            : String.format(Locale.ROOT, "  %.1f MB/s", rate / 1e6)
                + (rate > 0 && done < all
                    ? "  " + ProgressLine.duration((all - done) / rate) + " left"
                    : "");
    return "%s [%s] %s of %s%s".formatted(verb, bar, Bytes.shown(done), Bytes.shown(all), speed);
  }

  @Override
  public void end() {
    line().clear();
  }

  @Override
  public void again(String why, Duration wait) {
    line().note("%s; once more in %d s".formatted(why, Math.max(1, wait.toSeconds())));
  }

  @Override
  public void warn(String text) {
    line().clear();
    console.warn(text);
  }
}
