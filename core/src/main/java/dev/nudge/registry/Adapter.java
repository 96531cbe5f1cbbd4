package dev.nudge.registry;

import java.util.List;

/// An adapter in the registry: a name with its versions and aliases.
///
/// @param versions by number
/// @param aliases by name
/// @param protections by alias; the alias may not exist yet
public record Adapter(
    String name, List<Version> versions, List<Alias> aliases, List<Protection> protections) {

  /// Whether an alias is protected: only versions that passed a gate may get it.
  public boolean isProtected(String alias) {
    return protections.stream().anyMatch(one -> one.alias().equals(alias));
  }

  /// The aliases of a version.
  public List<String> aliasesOf(Version version) {
    return aliases.stream()
        .filter(alias -> alias.version() == version.number())
        .map(Alias::name)
        .toList();
  }
}
