package dev.nudge.tensor;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/// Knows whether this JVM was started with native access enabled.
///
/// Without `--enable-native-access` the first call of native code makes the JVM print a
/// warning, and from then on it counts access as enabled; so what it says is kept from before
/// that.
public final class NativeAccess {
  private static final boolean GIVEN = NativeAccess.class.getModule().isNativeAccessEnabled();

  private NativeAccess() {}

  /// Tells whether native access was enabled when this library was first asked to compute.
  public static boolean given() {
    return GIVEN;
  }

  /// A function of the C library; none where access was not enabled or the system has no such.
  static Optional<MethodHandle> function(String name, FunctionDescriptor type) {
    if (!GIVEN) {
      return Optional.empty();
    }
    Linker linker = Linker.nativeLinker();
    return linker.defaultLookup().find(name).map(symbol -> linker.downcallHandle(symbol, type));
  }
}
