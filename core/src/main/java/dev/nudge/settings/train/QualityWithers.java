package dev.nudge.settings.train;

import dev.nudge.settings.Withers;
import java.util.Arrays;

/// Withers for rows with a flaw.
///
/// @param <S> the record that holds it
public interface QualityWithers<S extends Record> extends Withers<S> {
  /// The flaws whose rows are dropped.
  default S withDropRows(Flaw... flaws) {
    return with("drop_rows", Arrays.stream(flaws).map(Flaw::shown).toList());
  }
}
