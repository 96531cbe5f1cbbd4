package dev.nudge.eval.judge;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// Is what two verdicts on a pair, one in each order, come to.
public enum Ruling {
  /// Both say that the first answer is better.
  FIRST,
  /// Both say that the second answer is better.
  SECOND,
  /// Both say that neither is.
  TIE,
  /// The answers are the same text; nobody was asked. A tie.
  IDENTICAL,
  /// The verdicts hang on the order in which the answers stand. A tie.
  CONTRADICTION,
  /// A verdict could not be read. The pair counts nowhere.
  UNREAD;

  /// @param forward the verdict with the first answer first; null: it could not be read
  /// @param backward the verdict with the second answer first; null likewise
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

  /// The verdict as a person would have given it; null: there is none.
  public @Nullable Choice choice() {
    return switch (this) {
      case FIRST -> Choice.A;
      case SECOND -> Choice.B;
      case TIE, IDENTICAL, CONTRADICTION -> Choice.TIE;
      case UNREAD -> null;
    };
  }

  /// As it is written in files.
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
