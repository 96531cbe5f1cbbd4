package dev.nudge.eval;

import dev.nudge.PackageRules;

/// Holds evaluation to its map: which package may use which.
class ArchitectureTest implements PackageRules {
  @Override
  public String heading() {
    return "Packages of evaluation";
  }
}
