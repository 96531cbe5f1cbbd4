package dev.nudge.registry;

import dev.nudge.settings.InputException;
import java.io.Serial;

/// A registry's refusal in one line; programs read [#reason].
public final class RegistryException extends InputException {
  @Serial private static final long serialVersionUID = 1L;

  /// The reason of a refusal.
  public enum Reason {
    /// The version or adapter does not exist.
    UNKNOWN,
    /// The version is blocked.
    BLOCKED,
    /// The alias is not where the caller expected it.
    MOVED,
    /// The alias has no previous version to roll back to.
    NOWHERE_BACK,
    /// The version to remove is referenced.
    REFERENCED,
    /// The alias is protected, and no gate has passed the version.
    GATED,
    /// The version was trained on another base than the alias had.
    OTHER_BASE
  }

  private final Reason reason;

  RegistryException(Reason reason, String line) {
    super(line);
    this.reason = reason;
  }

  /// The reason of this refusal.
  public Reason reason() {
    return reason;
  }
}
