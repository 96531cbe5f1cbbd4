package dev.nudge.cli.ask;

import org.jspecify.annotations.Nullable;

/// The input lines of a chat: a terminal or a pipe.
public interface ChatLines extends AutoCloseable {
  /// Thrown if the user discards the unfinished input with Ctrl-C.
  final class Interrupted extends Exception {
    private static final long serialVersionUID = 1L;
  }

  /// Reads the next message.
  ///
  /// @param prompt shown at a terminal
  /// @return null at the end
  /// @throws Interrupted if the user pressed Ctrl-C
  @Nullable String next(String prompt) throws Interrupted;

  /// Returns the width of answers in columns; 0 without a terminal.
  int columns();

  /// Whether a user types at a terminal and may give slash commands.
  default boolean person() {
    return columns() > 0;
  }

  @Override
  void close();
}
