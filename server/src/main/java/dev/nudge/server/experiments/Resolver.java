package dev.nudge.server.experiments;

import org.jspecify.annotations.Nullable;

/// What experiments want of the server that they run in.
public interface Resolver {

  /// The digest that an adapter, an alias or a version has now; null for the base without one.
  ///
  /// @throws dev.nudge.settings.InputException where there is none of that name
  @Nullable String digest(String adapter);

  /// Whether a model, an adapter or the like answers to a name already.
  default boolean isTaken(String name) {
    return false;
  }

  /// Takes an arm's adapter out of use, because it does harm: an alias goes back to what it was
  /// before. Called once, on the thread of the request that showed it; again after a restart if it
  /// was not done.
  ///
  /// @param reason one line
  void rollBack(String experiment, Arm arm, String reason);
}
