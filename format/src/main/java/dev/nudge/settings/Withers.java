package dev.nudge.settings;

import java.util.List;
import java.util.Map;

/// Changes settings by copies: `settings.withRank(8).withEpochs(3)`.
///
/// [#with] changes any setting by its key. The frequent ones have typed withers too, in an
/// interface for each group, such as `LoraWithers`, which a command's record implements. All of
/// them call [#with], so a wither knows only a key, neither a default nor a range.
///
/// @param <S> the record
public interface Withers<S extends Record> {

  /// Returns a copy with one value changed, by its key in a run file; all checks run again.
  ///
  /// @throws InputException if the value is not allowed
  @SuppressWarnings("unchecked") // a record implements this for itself
  default S with(String key, Object value) {
    S settings = (S) this;
    Class<S> type = (Class<S>) settings.getClass();
    return JavaNames.in(List.of(type), () -> Schema.of(type).with(settings, Map.of(key, value)));
  }
}
