package dev.nudge.settings;

/// Quotes texts in shell commands that a user may copy.
public final class ShellWord {
  private ShellWord() {}

  /// Returns a text as one word of a shell, quoted if necessary.
  public static String of(Object given) {
    String text = given.toString();
    return text.matches("[\\w./+@:-]+") ? text : quoted(text);
  }

  /// Returns a text in quotes, as one word of any shell.
  public static String quoted(String text) {
    return "'" + text.replace("'", "'\\''") + "'";
  }
}
