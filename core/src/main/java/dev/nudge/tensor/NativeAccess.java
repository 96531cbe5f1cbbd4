package dev.nudge.tensor;

/// Knows whether this JVM was started with native access enabled.
///
/// Without `--enable-native-access` the first call of native code makes the JVM print a warning,
/// and
/// from then on it counts access as enabled; so what it says is kept from before that.
public final class NativeAccess {
  private static final boolean GIVEN = NativeAccess.class.getModule().isNativeAccessEnabled();

  private NativeAccess() {}

  /// Whether it was enabled when this library was first asked to compute.
  public static boolean given() {
    return GIVEN;
  }
}
