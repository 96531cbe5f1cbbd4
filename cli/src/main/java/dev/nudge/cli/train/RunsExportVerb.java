package dev.nudge.cli.train;

import static java.util.Objects.requireNonNull;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Verb;
import dev.nudge.runs.MlflowExport;
import dev.nudge.runs.RunExport;
import dev.nudge.runs.StoredRun;
import dev.nudge.settings.Count;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Setting;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// `nudge runs export`: exports metrics and settings as CSV, JSON, TensorBoard or MLflow.
///
/// @param stores opens the runs
public record RunsExportVerb(RunStores stores) implements Verb<RunsExportVerb.Settings> {

  /// The export formats.
  enum Format {
    /// Two CSV files in a folder.
    CSV,
    /// One JSON file.
    JSON,
    /// An event folder for `tensorboard --logdir`.
    TENSORBOARD,
    /// Runs of an MLflow server.
    MLFLOW
  }

  /// The flags of `nudge runs export`.
  record Settings(
      @Setting(help = RunStores.RUN, label = "RUN", operand = true, required = true)
          List<String> run,
      @Setting(help = RunStores.ROOTS, label = "FOLDER") List<String> runs,
      @Setting(help = "what to write", required = true) Format format,
      @Setting(
              help = "file of json; folder of csv (runs.csv, metrics.csv) and tensorboard",
              label = "PATH")
          @Nullable Path out,
      @Setting(help = "replace what was exported there before") boolean overwrite,
      @Setting(help = "address of the MLflow server, such as http://localhost:5000")
          @Nullable String url,
      @Setting(help = "experiment of the MLflow server (default: nudge)")
          @Nullable String experiment) {

    Settings {
      if (format == Format.MLFLOW) {
        if (url == null) {
          throw new InputException("--url is missing; --format mlflow sends to a server");
        }
        if (out != null || overwrite) {
          throw new InputException(
              (out != null ? "--out" : "--overwrite")
                  + " is given with --format mlflow, which sends to --url; leave it out");
        }
      } else {
        if (out == null) {
          throw new InputException("--out is missing; it is required");
        }
        if (url != null || experiment != null) {
          throw new InputException(
              (url != null ? "--url" : "--experiment")
                  + " is given without --format mlflow; leave it out");
        }
      }
    }
  }

  @Override
  public About<Settings> about() {
    return new About<>(
        "runs export", "writes metrics and settings of runs for other programs", Settings.class);
  }

  @Override
  public int run(Settings settings, Console console) {
    List<StoredRun> runs = stores.under(settings.runs(), console::warn).open(settings.run());
    String format = settings.format().name().toLowerCase(Locale.ROOT);
    if (settings.url() != null) {
      String experiment = settings.experiment() == null ? "nudge" : settings.experiment();
      List<MlflowExport.Sent> sent = MlflowExport.send(runs, settings.url(), experiment);
      for (MlflowExport.Sent run : sent) {
        console.note(
            run.id() + " is run " + run.mlflowId() + " of experiment " + run.experimentId());
      }
      console.object(Map.of("format", format, "sent", sent));
      return ExitCode.DONE;
    }
    List<Path> files = write(settings, runs);
    files.forEach(file -> console.note(file + ": " + Count.of(runs.size(), "run")));
    console.object(Map.of("format", format, "files", files.stream().map(Path::toString).toList()));
    return ExitCode.DONE;
  }

  private static List<Path> write(Settings settings, List<StoredRun> runs) {
    Path out = requireNonNull(settings.out());
    return switch (settings.format()) {
      case CSV -> RunExport.csv(runs, out, settings.overwrite());
      case JSON -> RunExport.json(runs, out, settings.overwrite());
      case TENSORBOARD -> RunExport.tensorBoard(runs, out, settings.overwrite());
      case MLFLOW -> throw new IllegalStateException("sent, not written");
    };
  }
}
