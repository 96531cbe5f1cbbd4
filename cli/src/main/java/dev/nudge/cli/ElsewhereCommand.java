package dev.nudge.cli;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.Verb;
import java.io.PrintStream;
import java.util.List;
import java.util.function.Function;

/// Runs a verb of another program with the flags, help, error lines and exit codes of `nudge`.
public final class ElsewhereCommand {
  private ElsewhereCommand() {}

  /// The result of the work.
  ///
  /// @param summary the object of `--json`
  /// @param note line for standard error
  public record Done(Object summary, String note) {}

  /// Runs the command in this process.
  ///
  /// @param name name of the verb
  /// @param summary its help, one sentence
  /// @param settings the record that defines its flags
  /// @param args arguments after the verb
  /// @return the exit code
  public static <S extends Record> int run(
      String name,
      String summary,
      Class<S> settings,
      List<String> args,
      PrintStream out,
      PrintStream err,
      Function<S, Done> work) {
    return Main.run(
        new Elsewhere<>(new Verb.About<>(name, summary, settings), work), args, out, err);
  }

  private record Elsewhere<S extends Record>(Verb.About<S> about, Function<S, Done> work)
      implements Verb<S> {
    @Override
    public int run(S given, Console console) {
      Done done = work.apply(given);
      console.object(done.summary());
      console.note(done.note());
      return ExitCode.DONE;
    }
  }
}
