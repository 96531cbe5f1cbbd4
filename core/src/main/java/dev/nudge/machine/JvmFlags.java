package dev.nudge.machine;

import dev.nudge.kernel.Kernels;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.NativeAccess;
import java.util.ArrayList;
import java.util.List;

/// Checks the flags that the JVM must be started with: which are missing, what that costs and what
/// to add.
public final class JvmFlags {
  private JvmFlags() {}

  /// Lists the missing flags and what each one costs, one line each.
  static List<String> missing(Kernels kernels) {
    List<String> missing = new ArrayList<>();
    if (kernels.name().equals(Kernels.PLAIN) && Kernels.chosen() != Kernels.Choice.PLAIN) {
      missing.add(
          "the Vector API module is missing, so kernels run in plain Java, several times slower;"
              + " start java with --add-modules jdk.incubator.vector");
    }
    if (!NativeAccess.given()) {
      missing.add(
          "native access is not enabled, so the JVM prints warnings, weights larger than memory are"
              + " not read ahead, and a later Java will refuse; start java with "
              + flag());
    }
    return missing;
  }

  /// Makes the error for a JVM that denies native access, without which nothing works.
  public static InputException denied(IllegalCallerException e) {
    return new InputException(
        "this JVM denies native access, which matrix products and tokenizers need; start java with "
            + flag(),
        e);
  }

  private static String flag() {
    Module own = JvmFlags.class.getModule();
    return "--enable-native-access=" + (own.isNamed() ? own.getName() : "ALL-UNNAMED");
  }
}
