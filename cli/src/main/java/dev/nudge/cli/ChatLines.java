package dev.nudge.cli;

import org.jspecify.annotations.Nullable;

/// Where the lines of a conversation come from: a person at a terminal, or a pipe.
interface ChatLines extends AutoCloseable {
  /// A person took back what was begun, by Ctrl-C.
  final class Interrupted extends Exception {
    private static final long serialVersionUID = 1L;
  }

  /// Reads what is said next.
  ///
  /// @param prompt shown before it where a person is asked
  /// @return null at the end
  /// @throws Interrupted where a person took back what was begun (Ctrl-C)
  @Nullable String next(String prompt) throws Interrupted;

  /// Columns that an answer may take; 0 where nobody watches.
  int columns();

  /// Whether a person talks, who may give commands.
  default boolean person() {
    return columns() > 0;
  }

  @Override
  void close();
}
