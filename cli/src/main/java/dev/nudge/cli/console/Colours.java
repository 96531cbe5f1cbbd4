package dev.nudge.cli.console;

import org.jspecify.annotations.Nullable;

/// Marks trained tokens (label mask) by colour on a terminal; else, or if `NO_COLOR` is set, by
/// brackets.
///
/// @param on precedes a trained span
/// @param off follows a trained span
public record Colours(String on, String off) {
  public static final Colours SIGNS = new Colours("[[", "]]");
  private static final Colours GREEN = new Colours("\u001b[1;32m", "\u001b[0m");

  /// Returns the marks for standard output.
  public static Colours standard() {
    return of(Terminal.columns() > 0, System.getenv("NO_COLOR"), System.getenv("TERM"));
  }

  /// @param noColour `NO_COLOR`; any value disables colour
  public static Colours of(boolean terminal, @Nullable String noColour, @Nullable String term) {
    boolean refused = noColour != null && !noColour.isEmpty() || "dumb".equals(term);
    return terminal && !refused ? GREEN : SIGNS;
  }

  /// Marks a span line by line, so that a pager keeps the colour.
  public String shown(String text, boolean trained) {
    return trained ? on + text.replace("\n", off + "\n" + on) + off : text;
  }

  /// Returns the legend of the marks.
  public String legend() {
    return this.equals(SIGNS) ? "trained tokens stand in [[ ]]" : shown("trained", true);
  }
}
