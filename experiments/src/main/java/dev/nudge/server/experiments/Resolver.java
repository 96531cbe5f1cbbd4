package dev.nudge.server.experiments;

import org.jspecify.annotations.Nullable;

/// Callbacks from experiments to their server: digests, names, rollback.
public interface Resolver {

  /// Returns the current digest of an adapter, alias or version; null for the base.
  ///
  /// @throws dev.nudge.settings.InputException if there is no such adapter
  @Nullable String digest(String adapter);

  /// Whether a model or adapter already has the name.
  default boolean isTaken(String name) {
    return false;
  }

  /// Rolls back the alias of a harmful arm to its previous version. Called once, on the thread of
  /// the request whose result showed the harm; again after a restart if it did not complete.
  ///
  /// @param reason one line
  void rollBack(String experiment, Arm arm, String reason);
}
