package dev.nudge.settings.verb;

import dev.nudge.settings.Withers;
import java.util.List;

/// Withers for the data files and patterns of a command.
///
/// @param <S> the record that holds them
public interface DataWithers<S extends Record> extends Withers<S> {
  /// JSONL files or globs of rows, in order.
  default S withData(String... filesOrGlobs) {
    return with("data", List.of(filesOrGlobs));
  }

  /// The prompt's pattern over a row's columns: `Query: {text}`.
  default S withPrompt(String pattern) {
    return with("prompt", pattern);
  }

  /// The completion's pattern: ` {label}`.
  default S withCompletion(String pattern) {
    return with("completion", pattern);
  }
}
