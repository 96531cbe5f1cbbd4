package dev.nudge.registry;

import java.util.List;

/// A name with its versions and aliases.
///
/// @param versions by number
/// @param aliases by name
/// @param protections of aliases, by their names; one may be of an alias that is not there yet
public record Adapter(
    String name, List<Version> versions, List<Alias> aliases, List<Protection> protections) {

  /// Whether an alias goes only to versions that a gate has passed.
  public boolean isProtected(String alias) {
    return protections.stream().anyMatch(one -> one.alias().equals(alias));
  }

  /// The aliases that are at a version.
  public List<String> aliasesOf(Version version) {
    return aliases.stream()
        .filter(alias -> alias.version() == version.number())
        .map(Alias::name)
        .toList();
  }
}
