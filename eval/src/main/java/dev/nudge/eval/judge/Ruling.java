package dev.nudge.eval.judge;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// The combined result of two verdicts on a pair, one in each order.
public enum Ruling {
  /// Both verdicts prefer the first answer.
  FIRST,
  /// Both verdicts prefer the second answer.
  SECOND,
  /// Both verdicts are a tie.
  TIE,
  /// The answers are identical; the judge was not asked. Counts as a tie.
  IDENTICAL,
  /// The verdicts depend on the order of the answers. Counts as a tie.
  CONTRADICTION,
  /// A verdict could not be read. The pair is left out.
  UNREAD;

  /// @param forward verdict with the first answer in first position; null: unreadable
  /// @param backward verdict with the second answer in first position; null: unreadable
  static Ruling of(@Nullable Choice forward, @Nullable Choice backward) {
    if (forward == null || backward == null) {
      return UNREAD;
    }
    if (forward != backward.turned()) {
      return CONTRADICTION;
    }
    return switch (forward) {
      case A -> FIRST;
      case B -> SECOND;
      case TIE -> TIE;
    };
  }

  /// Returns the ruling as a label; null if unread.
  public @Nullable Choice choice() {
    return switch (this) {
      case FIRST -> Choice.A;
      case SECOND -> Choice.B;
      case TIE, IDENTICAL, CONTRADICTION -> Choice.TIE;
      case UNREAD -> null;
    };
  }

  /// Returns the name in files.
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
