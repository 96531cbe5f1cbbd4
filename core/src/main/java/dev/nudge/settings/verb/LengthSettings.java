package dev.nudge.settings.verb;

import dev.nudge.settings.InputException;
import dev.nudge.settings.Setting;

/// How to treat rows that are too long; by default they are bad rows.
public record LengthSettings(
    @Setting(help = LengthSettings.TRUNCATE) boolean truncate,
    @Setting(help = "make a text row that is too long into several consecutive rows") boolean split,
    @Setting(
            help =
                "put texts behind each other, end tokens between them, and cut them into sequences"
                    + " of --max-length")
        boolean concatenate) {
  public static final String TRUNCATE =
      "cut a row that is too long: its prompt from the left, a text at its end";

  public LengthSettings {
    if (split && concatenate) {
      throw new InputException(
          "--split and --concatenate are both given; a text is cut in one way, so leave one out");
    }
  }

  /// Makes settings without concatenation.
  public LengthSettings(boolean truncate, boolean split) {
    this(truncate, split, false);
  }
}
