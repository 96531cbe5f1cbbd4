package dev.nudge.settings;

import java.util.Map;

/// Settings that are changed by a copy: `settings.withRank(8).withEpochs(3)`.
///
/// Each group of settings names its own in an interface, as [LoraWithers] does, and the
/// record of a verb takes those of the groups that it holds. All of them go through [#with], so a
/// wither knows a key and neither a default nor a range.
///
/// @param <S> the record
public interface Withers<S extends Record> {

  /// Returns a copy with one value changed, by the key that it has in a run file; all checks run
  /// again. The typed withers say the same without text.
  ///
  /// @throws InputException where the value is not allowed
  @SuppressWarnings("unchecked") // a record implements this for itself
  default S with(String key, Object value) {
    S settings = (S) this;
    return Schema.of((Class<S>) settings.getClass()).with(settings, Map.of(key, value));
  }
}
