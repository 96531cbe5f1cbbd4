package dev.nudge.cli.console;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;

/// Restores standard error, which the launcher has saved to another descriptor.
///
/// The JVM warns of incubator modules on standard error before any Java code runs, and no flag
/// disables that. So the launcher starts Java with `3>&2 2>/dev/null` and passes the saved
/// descriptor in the property `nudge.stderr`. `dup2` rather than a new `System.err` also restores
/// the output of native libraries and of a crashing JVM, and works where `/dev/fd/3` cannot be
/// reopened (a socket, another user's terminal). It costs 60 ms.
public final class Stderr {

  private Stderr() {}

  /// Duplicates the descriptor named by `nudge.stderr` to descriptor 2; nothing without the
  /// property.
  public static void restore() {
    Integer kept = Integer.getInteger("nudge.stderr");
    if (kept == null) {
      return;
    }
    Linker linker = Linker.nativeLinker();
    var dup2 =
        linker.downcallHandle(
            linker.defaultLookup().findOrThrow("dup2"),
            FunctionDescriptor.of(
                ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
    try {
      int copied = (int) dup2.invokeExact((int) kept, 2);
      if (copied != 2) {
        throw new IllegalArgumentException(
            "nudge.stderr=" + kept + " is not an open file descriptor; start nudge by ./nudge");
      }
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("dup2 throws nothing", e);
    }
  }
}
