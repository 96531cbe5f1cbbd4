package dev.nudge.settings;

/// Quotes texts in commands that a user may copy into a shell.
public final class ShellWord {
  private ShellWord() {}

  /// A text as a shell takes it for one word.
  public static String of(Object given) {
    String text = given.toString();
    return text.matches("[\\w./+@:-]+") ? text : quoted(text);
  }

  /// A text in quotes, which each shell takes for one word as it stands.
  public static String quoted(String text) {
    return "'" + text.replace("'", "'\\''") + "'";
  }
}
