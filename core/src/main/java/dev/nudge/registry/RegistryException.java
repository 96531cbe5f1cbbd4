package dev.nudge.registry;

import dev.nudge.settings.InputException;
import java.io.Serial;

/// Says why a registry refuses, in one line; [#reason] says it to programs.
public final class RegistryException extends InputException {
  @Serial private static final long serialVersionUID = 1L;

  /// Kinds of refusals.
  public enum Reason {
    /// What was named is not there.
    UNKNOWN,
    /// The version is blocked.
    BLOCKED,
    /// The alias is not where the caller believed it.
    MOVED,
    /// The alias was nowhere before that it can go back to.
    NOWHERE_BACK,
    /// Something references what was to go.
    REFERENCED,
    /// The alias is protected, and no gate has passed the version.
    GATED
  }

  private final Reason reason;

  RegistryException(Reason reason, String line) {
    super(line);
    this.reason = reason;
  }

  /// The kind of the refusal.
  public Reason reason() {
    return reason;
  }
}
