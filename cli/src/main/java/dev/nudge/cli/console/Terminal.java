package dev.nudge.cli.console;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Detects terminals, their width and character set.
public final class Terminal {
  private static final int USUAL = 80;

  private Terminal() {}

  /// Whether standard error is a terminal that can redraw a line. `System.console` knows only
  /// standard input and output.
  static boolean watchesErrors() {
    return !isDumb() && isTerminal(2);
  }

  /// Whether standard input is a terminal.
  public static boolean isInput() {
    return !isDumb() && isTerminal(0);
  }

  /// Returns the width of standard output's terminal in columns; 0 without a terminal.
  ///
  /// Asks `ioctl(1, TIOCGWINSZ, …)`, with the constant of Linux or macOS; 80 if that fails.
  public static int columns() {
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

  /// Whether standard output can show more than ASCII.
  public static boolean showsUnicode() {
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
      return false; // no such function: print plain lines
    }
  }
}
