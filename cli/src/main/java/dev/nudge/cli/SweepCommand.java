package dev.nudge.cli;

import dev.nudge.cli.train.SweepVerb;
import dev.nudge.eval.sweep.Sweep;
import dev.nudge.settings.train.SweepSettings;
import dev.nudge.settings.train.TrainSettings;
import java.io.PrintStream;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/// `nudge sweep` for a sweep that another program runs: same flags, files, lines and exit codes.
public final class SweepCommand {
  private SweepCommand() {}

  /// Runs a sweep.
  public interface Sweeps {
    /// Checks all runs, then trains them, unless the settings ask for a dry run.
    ///
    /// @param document the values of the sweep's file
    /// @param names replaces hub names in a run's settings by paths
    /// @param cancelled polled between steps
    Sweep.Result run(
        SweepSettings settings,
        Map<String, ? extends @Nullable Object> document,
        UnaryOperator<TrainSettings> names,
        Sweep.Watcher watcher,
        BooleanSupplier cancelled);
  }

  /// Runs the command in this process.
  ///
  /// @param args arguments after the verb
  /// @return the exit code
  public static int run(List<String> args, PrintStream out, PrintStream err, Sweeps sweeps) {
    SweepVerb verb = new SweepVerb(sweeps::run);
    return Main.run(verb, args, out, err);
  }
}
