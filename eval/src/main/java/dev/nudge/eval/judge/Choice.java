package dev.nudge.eval.judge;

import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// A judge's verdict on two answers: A, B or a tie.
public enum Choice {
  /// The answer in first position is better.
  A,
  /// The answer in second position is better.
  B,
  /// Neither is better.
  TIE;

  /// A line that contains only a verdict; surrounding marks are ignored, `Verdict:` may precede it.
  private static final Pattern VERDICT =
      Pattern.compile(
          "\\W*(?:(?:final )?verdict\\W+)?(a|b|tie)\\W*",
          Pattern.CASE_INSENSITIVE | Pattern.UNICODE_CHARACTER_CLASS);

  /// Reads the verdict from the last non-blank line of a reply.
  ///
  /// @return null if that line is not a verdict; nothing is guessed
  public static @Nullable Choice read(String said) {
    List<String> lines = said.lines().filter(line -> !line.isBlank()).toList();
    if (lines.isEmpty()) {
      return null;
    }
    Matcher verdict = VERDICT.matcher(lines.getLast());
    return verdict.matches() ? valueOf(verdict.group(1).toUpperCase(Locale.ROOT)) : null;
  }

  /// Returns the verdict with a [#word]; null if there is none.
  static @Nullable Choice named(String word) {
    for (Choice choice : values()) {
      if (choice.word().equals(word)) {
        return choice;
      }
    }
    return null;
  }

  /// Returns the same verdict for the answers in the other order.
  public Choice turned() {
    return switch (this) {
      case A -> B;
      case B -> A;
      case TIE -> TIE;
    };
  }

  /// Returns the name in files.
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
