package dev.nudge.format;

import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/// Spares all tests the wait for the device; registered as `LedgerExtension` is. The order of
/// flushes and what is lost without them are played by [Faults].
public final class NoFlushes implements BeforeAllCallback {
  /// What holds where no test has set it.
  static final boolean DEFAULT = Disk.flushes(false);

  @Override
  public void beforeAll(ExtensionContext context) {
    Disk.flushes(false);
  }
}
