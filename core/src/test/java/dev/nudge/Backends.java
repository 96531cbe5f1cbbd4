package dev.nudge;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.machine.Backend;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.Compute;
import java.nio.file.Path;

/// Opens the machine's backend for tests, natives unpacked into the temporary folder.
public final class Backends {
  private Backends() {}

  /// Where tests unpack natives.
  public static Path cache() {
    return Path.of(
        System.getProperty("java.io.tmpdir"),
        "nudge-test-cache-" + System.getProperty("user.name")); // not another user's
  }

  public static Backend of(Compute compute) {
    return Backend.resolve(compute, cache());
  }

  /// The same, or the test is skipped with what this machine lacks.
  public static Backend orSkip(Compute compute) {
    try {
      return of(compute);
    } catch (InputException e) {
      assumeTrue(false, "needs bf16 instructions (AVX-512 or AMX): " + e.getMessage());
      throw e;
    }
  }
}
