package dev.nudge.cli;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;

/// Tells whether a person is watching standard error.
final class Terminal {
  private Terminal() {}

  /// Tells whether standard error is a terminal that can redraw a line. `System.console` only knows
  /// about standard input and output.
  static boolean watchesErrors() {
    if ("dumb".equals(System.getenv("TERM"))) {
      return false;
    }
    Linker linker = Linker.nativeLinker();
    try {
      var isatty =
          linker.downcallHandle(
              linker.defaultLookup().find("isatty").orElseThrow(),
              FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
      return (int) isatty.invokeExact(2) != 0;
    } catch (Throwable e) {
      return false; // no such function here: plain lines serve everywhere
    }
  }
}
