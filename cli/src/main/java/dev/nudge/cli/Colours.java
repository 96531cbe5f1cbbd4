package dev.nudge.cli;

import org.jspecify.annotations.Nullable;

/// Says how what is trained is told from what is not: by colour on a terminal, by brackets
/// elsewhere and where `NO_COLOR` is set.
///
/// @param on before what is trained
/// @param off behind it
record Colours(String on, String off) {
  static final Colours SIGNS = new Colours("[[", "]]");
  private static final Colours GREEN = new Colours("\u001b[1;32m", "\u001b[0m");

  /// Those for standard output.
  static Colours standard() {
    return of(Terminal.columns() > 0, System.getenv("NO_COLOR"), System.getenv("TERM"));
  }

  /// @param noColour `NO_COLOR`; anything in it says no
  static Colours of(boolean terminal, @Nullable String noColour, @Nullable String term) {
    boolean refused = noColour != null && !noColour.isEmpty() || "dumb".equals(term);
    return terminal && !refused ? GREEN : SIGNS;
  }

  /// A part of a text; every line of it is marked by itself, so that a pager keeps it.
  String shown(String text, boolean trained) {
    return trained ? on + text.replace("\n", off + "\n" + on) + off : text;
  }

  /// What the marks mean.
  String legend() {
    return this.equals(SIGNS) ? "trained tokens stand in [[ ]]" : shown("trained", true);
  }
}
