package dev.nudge.eval.judge;

import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Is what a judge says of two answers.
public enum Choice {
  /// The answer that stands first is better.
  A,
  /// The answer that stands second is better.
  B,
  /// Neither is.
  TIE;

  /// A verdict alone on its line: marks around it count for nothing, `Verdict:` may stand before
  /// it.
  private static final Pattern VERDICT =
      Pattern.compile(
          "\\W*(?:(?:final )?verdict\\W+)?(a|b|tie)\\W*",
          Pattern.CASE_INSENSITIVE | Pattern.UNICODE_CHARACTER_CLASS);

  /// Reads the verdict on the last line of a text that is not blank.
  ///
  /// @return null where there is none: what a judge may have meant is not guessed
  public static @Nullable Choice read(String said) {
    List<String> lines = said.lines().filter(line -> !line.isBlank()).toList();
    if (lines.isEmpty()) {
      return null;
    }
    Matcher verdict = VERDICT.matcher(lines.getLast());
    return verdict.matches() ? valueOf(verdict.group(1).toUpperCase(Locale.ROOT)) : null;
  }

  /// The one of a [#word]; null: it is none.
  static @Nullable Choice named(String word) {
    for (Choice choice : values()) {
      if (choice.word().equals(word)) {
        return choice;
      }
    }
    return null;
  }

  /// The same verdict where the answers stand in the other order.
  public Choice turned() {
    return switch (this) {
      case A -> B;
      case B -> A;
      case TIE -> TIE;
    };
  }

  /// As it is written in files.
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
