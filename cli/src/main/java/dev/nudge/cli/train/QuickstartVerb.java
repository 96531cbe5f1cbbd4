package dev.nudge.cli.train;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.LiveLine;
import dev.nudge.cli.console.ProgressLine;
import dev.nudge.cli.console.Signals;
import dev.nudge.cli.console.TextColumns;
import dev.nudge.cli.console.Verb;
import dev.nudge.quickstart.Chapter;
import dev.nudge.quickstart.QuickstartResult;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// `nudge quickstart`: trains, evaluates and merges an adapter on the base model shipped with
/// nudge.
///
/// Exit code 3 if the adapter is not better than the base (exact McNemar, 5 %), or the merged
/// folder differs from base + adapter.
///
/// The comparison favours the base: it is evaluated unquantised with solved cases in the prompt,
/// the adapter on NF4 with only the message. A fixed threshold would make a promise about any
/// `--model`.
///
/// @param road runs the quickstart
public record QuickstartVerb(Road road) implements Verb<QuickstartVerb.Settings> {

  /// The library function that this verb calls.
  public interface Road {
    /// Runs all stages of a quickstart.
    ///
    /// @param events receives the events in order
    /// @param cancelled polled between answers, steps and layers
    /// @return null if cancelled
    @Nullable QuickstartResult run(
        Settings settings, Consumer<Chapter> events, BooleanSupplier cancelled);
  }

  /// The flags of `nudge quickstart`.
  public record Settings(
      @Setting(
              help = "model: a folder, or org/name (default: the base that ships with nudge)",
              label = "FOLDER|NAME",
              names = Setting.Names.MODEL)
          @Nullable Path model,
      @Setting(
              help =
                  "keep rows, adapter and merged model in this new folder (default: nothing stays)",
              label = "FOLDER")
          @Nullable Path keep) {}

  @Override
  public About<Settings> about() {
    return new About<>(
        "quickstart",
        "shows all of it on a small model: score, train, score again, merge",
        Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    LiveLine live =
        new LiveLine(
            console.messages(), ProgressLine.style(console), System::nanoTime, TextColumns.MARGIN);
    QuickstartResult report;
    try (Signals signals = Signals.catching(() -> console.note("\nstopping"))) {
      QuickstartProgress progress = new QuickstartProgress(console, live);
      report = road.run(settings, progress, signals::stopped);
      if (report == null) {
        return signals.exitCode();
      }
    } finally {
      live.end();
    }
    QuickstartPage.end(report, settings.keep()).forEach(console::result);
    console.object(report);
    if (!report.passed()) {
      console.refuse(QuickstartPage.refusal(report));
      return ExitCode.REFUSED;
    }
    return ExitCode.DONE;
  }
}
