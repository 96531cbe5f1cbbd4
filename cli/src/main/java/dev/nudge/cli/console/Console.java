package dev.nudge.cli.console;

import dev.nudge.format.Json;
import dev.nudge.settings.Secret;
import java.io.PrintStream;

/// The output of a verb: results on standard output, everything else on standard error. Secrets in
/// URLs of warnings are hidden.
///
/// @param results standard output
/// @param messages standard error
/// @param json whether standard output is one JSON object
/// @param quiet whether to print no progress and no notes (`-q`)
/// @param verbose whether to print additional technical lines (`-v`)
/// @param offline whether downloads are forbidden (`--offline`)
public record Console(
    Results results,
    PrintStream messages,
    boolean json,
    boolean quiet,
    boolean verbose,
    boolean offline) {

  /// Prints a result line, except with `--json`.
  public void result(String line) {
    if (!json) {
      results.line(line);
    }
  }

  /// Prints the JSON object of `--json`; nothing without that flag.
  public void object(Object value) {
    if (json) {
      results.line(Json.line(value));
    }
  }

  /// Prints an informational line, except with `-q`.
  public void note(String line) {
    if (!quiet) {
      messages.println(line);
    }
  }

  /// Prints a warning, even with `-q`.
  public void warn(String line) {
    messages.println("nudge: warning: " + Secret.hidden(line));
  }

  /// Prints the reason of exit code 3, as the last line.
  public void refuse(String line) {
    messages.println("nudge: " + Secret.hidden(line));
  }
}
