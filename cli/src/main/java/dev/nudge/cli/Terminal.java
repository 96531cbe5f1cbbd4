package dev.nudge.cli;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Tells whether a person is watching, and how much room there is.
final class Terminal {
  private static final int USUAL = 80;

  private Terminal() {}

  /// Tells whether standard error is a terminal that can redraw a line. `System.console` only knows
  /// about standard input and output.
  static boolean watchesErrors() {
    return !isDumb() && isTerminal(2);
  }

  /// Tells whether standard input is a terminal, at which a person types.
  static boolean isInput() {
    return !isDumb() && isTerminal(0);
  }

  /// The columns of the terminal that standard output is; 0 where it is none.
  ///
  /// The system is asked by `ioctl(1, TIOCGWINSZ, …)`, whose number is Linux's or macOS's; where
  /// that gives nothing a terminal has 80.
  static int columns() {
    if (!isTerminal(1)) {
      return 0;
    }
    boolean mac = System.getProperty("os.name", "").startsWith("Mac");
    Linker linker = Linker.nativeLinker();
    try (Arena arena = Arena.ofShared()) {
      var ioctl =
          linker.downcallHandle(
              linker.defaultLookup().find("ioctl").orElseThrow(),
              FunctionDescriptor.of(
                  ValueLayout.JAVA_INT,
                  ValueLayout.JAVA_INT,
                  ValueLayout.JAVA_LONG,
                  ValueLayout.ADDRESS),
              Linker.Option.firstVariadicArg(2));
      MemorySegment size = arena.allocate(ValueLayout.JAVA_SHORT, 4); // rows, columns, pixels
      int failed = (int) ioctl.invokeExact(1, mac ? 0x40087468L : 0x5413L, size);
      int columns = failed != 0 ? 0 : size.get(ValueLayout.JAVA_SHORT, 2) & 0xffff;
      return columns == 0 ? USUAL : columns;
    } catch (Throwable e) {
      return USUAL;
    }
  }

  /// Tells whether standard output shows more than ASCII.
  static boolean showsUnicode() {
    return !isDumb() && "UTF-8".equalsIgnoreCase(System.getProperty("native.encoding"));
  }

  private static boolean isDumb() {
    return "dumb".equals(System.getenv("TERM"));
  }

  private static boolean isTerminal(int descriptor) {
    Linker linker = Linker.nativeLinker();
    try {
      var isatty =
          linker.downcallHandle(
              linker.defaultLookup().find("isatty").orElseThrow(),
              FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
      return (int) isatty.invokeExact(descriptor) != 0;
    } catch (Throwable e) {
      return false; // no such function here: plain lines serve everywhere
    }
  }
}
