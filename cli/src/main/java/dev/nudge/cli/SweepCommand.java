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

/// `nudge sweep` for a sweep that is made elsewhere: the same flags, files, lines and exit codes.
public final class SweepCommand {
  private SweepCommand() {}

  /// Makes a sweep.
  public interface Sweeps {
    /// Checks every setting, then trains them all, unless the settings ask for a dry run.
    ///
    /// @param document the values of the sweep's file
    /// @param names makes paths of names in a run's settings
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
  /// @param args behind the verb
  /// @return the exit code
  public static int run(List<String> args, PrintStream out, PrintStream err, Sweeps sweeps) {
    SweepVerb verb = new SweepVerb(sweeps::run);
    return Main.run(verb, args, out, err);
  }
}
