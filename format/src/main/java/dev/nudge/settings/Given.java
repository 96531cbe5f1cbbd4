package dev.nudge.settings;

import java.util.Set;

/// The keys of the settings that were given explicitly, by a flag or in a file.
///
/// They distinguish a value that contradicts an adapter from a mere default.
public record Given(Set<String> keys) {

  public Given {
    keys = Set.copyOf(keys);
  }

  /// Returns whether the setting with this YAML key (`learning_rate`) was given.
  public boolean contains(String key) {
    return keys.contains(key);
  }
}
