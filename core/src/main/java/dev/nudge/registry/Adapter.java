package dev.nudge.registry;

import java.util.List;

/// A name with its versions and aliases.
///
/// @param versions by number
/// @param aliases by name
public record Adapter(String name, List<Version> versions, List<Alias> aliases) {

  /// The aliases that are at a version.
  public List<String> aliasesOf(Version version) {
    return aliases.stream()
        .filter(alias -> alias.version() == version.number())
        .map(Alias::name)
        .toList();
  }
}
