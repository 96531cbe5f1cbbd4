package dev.nudge.cli;

import dev.nudge.format.Json;
import dev.nudge.settings.Secret;
import java.io.PrintStream;

/// Prints what a verb may print: results on standard output, everything else on standard error.
/// Warnings hide what may be a secret in a URL.
///
/// @param results standard output
/// @param messages standard error
/// @param json whether standard output is to be one JSON object
/// @param quiet whether to print no progress and no notes
/// @param verbose whether to print more lines, for those who know the machine (`-v`)
record Console(
    Results results, PrintStream messages, boolean json, boolean quiet, boolean verbose) {

  /// Prints a result line, unless the result is to be one JSON object.
  void result(String line) {
    if (!json) {
      results.line(line);
    }
  }

  /// Prints the one JSON object of `--json`, if it was asked for.
  void object(Object value) {
    if (json) {
      results.line(Json.line(value));
    }
  }

  /// Prints a line for people, not with `-q`.
  void note(String line) {
    if (!quiet) {
      messages.println(line);
    }
  }

  /// Prints a warning, also with `-q`.
  void warn(String line) {
    messages.println("nudge: warning: " + Secret.hidden(line));
  }

  /// Prints why a gate or a tolerance said no: the last line.
  void refuse(String line) {
    messages.println("nudge: " + Secret.hidden(line));
  }
}
