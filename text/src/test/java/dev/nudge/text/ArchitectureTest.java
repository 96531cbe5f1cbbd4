package dev.nudge.text;

import dev.nudge.PackageRules;

/// Holds this module to its map: which package may use which.
class ArchitectureTest implements PackageRules {
  @Override
  public String heading() {
    return "Packages of the library, in reading order";
  }
}
