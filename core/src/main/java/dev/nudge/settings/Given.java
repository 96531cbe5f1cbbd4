package dev.nudge.settings;

import java.util.Set;

/// The keys of the settings that somebody gave, in a flag or in a file; all others hold their
/// default.
///
/// It answers one question: does a value disagree with an adapter, or is it only the default?
public record Given(Set<String> keys) {

  public Given {
    keys = Set.copyOf(keys);
  }

  /// Tells whether the setting with this YAML key (`learning_rate`) was given.
  public boolean contains(String key) {
    return keys.contains(key);
  }
}
