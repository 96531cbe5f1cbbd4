package dev.nudge.cli;

import java.util.List;

/// A shell whose command line can be completed.
enum Shell {
  BASH,
  ZSH;

  /// Writes the script that makes this shell complete the command's line.
  String script(List<Verb<?>> verbs) {
    return switch (this) {
      case BASH -> BashCompletion.of(verbs);
      case ZSH -> ZshCompletion.of(verbs);
    };
  }
}
