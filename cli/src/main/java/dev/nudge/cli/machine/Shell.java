package dev.nudge.cli.machine;

import dev.nudge.cli.console.Verb;
import java.util.List;

/// A shell with command line completion.
enum Shell {
  BASH,
  ZSH;

  /// Generates the completion script.
  String script(List<Verb<?>> verbs) {
    return switch (this) {
      case BASH -> BashCompletion.of(verbs);
      case ZSH -> ZshCompletion.of(verbs);
    };
  }
}
