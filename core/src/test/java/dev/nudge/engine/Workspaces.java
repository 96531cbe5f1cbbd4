package dev.nudge.engine;

import dev.nudge.tensor.Ledger;
import java.util.Map;

/// What all workspaces hold now.
final class Workspaces {
  private Workspaces() {}

  static long bytes() {
    return Ledger.byOwner().entrySet().stream()
        .filter(owner -> owner.getKey().startsWith("workspace "))
        .mapToLong(Map.Entry::getValue)
        .sum();
  }
}
