package dev.nudge.cli;

import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.train.TrainVerb;
import dev.nudge.machine.Machine;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.events.RunResult;
import dev.nudge.train.events.TrainEvent;
import java.io.PrintStream;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/// `nudge train` for a run that another program makes: same flags, files, lines and exit codes.
public final class TrainCommand {
  /// The exit code of errors that a user can fix.
  public static final int WRONG = ExitCode.WRONG;

  private TrainCommand() {}

  /// Makes a run.
  public interface Trains {
    /// Makes a run.
    ///
    /// @param events receives events in order, on the calling thread
    /// @param cancelled polled between steps; if true, the run saves and ends
    RunResult run(TrainSettings settings, Consumer<TrainEvent> events, BooleanSupplier cancelled);
  }

  /// Runs the command in this process.
  ///
  /// @param args arguments after the verb
  /// @param machine machine for which a dry run is planned
  /// @return the exit code
  public static int run(
      List<String> args, PrintStream out, PrintStream err, Machine machine, Trains trains) {
    TrainVerb verb =
        new TrainVerb(
            (settings, events, cancelled) ->
                Library.train(settings, machine, trains, events, cancelled));
    return Main.run(verb, args, out, err);
  }
}
