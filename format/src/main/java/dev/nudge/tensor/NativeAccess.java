package dev.nudge.tensor;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/// Remembers whether this JVM was started with native access enabled.
///
/// Without `--enable-native-access` the JVM prints a warning at the first native call and reports
/// access as enabled from then on; so this class asks before that.
public final class NativeAccess {
  private static final boolean GIVEN = NativeAccess.class.getModule().isNativeAccessEnabled();

  private NativeAccess() {}

  /// Returns whether native access was enabled before this library's first native call.
  public static boolean given() {
    return GIVEN;
  }

  /// Looks up a C library function; empty if access is not enabled or there is no such function.
  static Optional<MethodHandle> function(String name, FunctionDescriptor type) {
    if (!GIVEN) {
      return Optional.empty();
    }
    Linker linker = Linker.nativeLinker();
    return linker.defaultLookup().find(name).map(symbol -> linker.downcallHandle(symbol, type));
  }

  /// Returns this process's user id (Unix only), by a native call.
  static int user() {
    Linker linker = Linker.nativeLinker();
    try {
      return (int)
          linker
              .downcallHandle(
                  linker.defaultLookup().findOrThrow("geteuid"),
                  FunctionDescriptor.of(ValueLayout.JAVA_INT))
              .invokeExact();
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e); // a C function throws nothing
    }
  }
}
