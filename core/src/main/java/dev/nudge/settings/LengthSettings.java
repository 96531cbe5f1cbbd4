package dev.nudge.settings;

/// What happens to a row that is too long. Without either it is a bad row.
public record LengthSettings(
    @Setting(help = LengthSettings.TRUNCATE) boolean truncate,
    @Setting(help = "make a text row that is too long into several consecutive rows")
        boolean split) {
  static final String TRUNCATE =
      "cut a row that is too long: its prompt from the left, a text at its end";
}
