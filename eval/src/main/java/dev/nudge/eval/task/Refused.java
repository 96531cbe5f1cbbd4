package dev.nudge.eval.task;

import dev.nudge.settings.InputException;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Error messages for task keys that need Python, with an alternative.
final class Refused {
  private static final String EXPORT =
      "export its documents to JSONL once, as docs/reference/evaluation.md shows";

  /// The alternative to each key.
  private static final Map<String, String> INSTEAD =
      Map.of(
          "process_docs", EXPORT,
          "custom_dataset", EXPORT,
          "samples", EXPORT + ", or write the samples into the file",
          "doc_to_text", EXPORT + ", with a column of what it makes",
          "doc_to_target", EXPORT + ", with a column of what it makes",
          "doc_to_choice", EXPORT + ", with a column of what it makes",
          "description", "write the text into the file",
          "gen_prefix", EXPORT + ", with a column of what it makes");

  private Refused() {}

  /// Rejects a key whose value is a Python function.
  static void function(TaskKeys keys, String key) {
    if (keys.get(key) instanceof PythonFunction function) {
      String instead = INSTEAD.get(key);
      throw instead == null
          ? scoring(keys.place(), key, function)
          : new InputException(
              "%s: %s is Python (!function %s), which is not run here; %s"
                  .formatted(keys.place(), key, function.name(), instead));
    }
  }

  /// Returns the error for a Python scoring function.
  static InputException scoring(String place, String key, PythonFunction function) {
    return new InputException(
        "%s: %s is Python (!function %s), which is not run here; score by metric_list and filter_list alone"
            .formatted(place, key, function.name()));
  }

  /// Rejects a key that is unsupported with any value.
  static void notDone(TaskKeys keys, String key, String what) {
    @Nullable Object value = keys.get(key);
    if (value != null && !Boolean.FALSE.equals(value)) {
      throw new InputException(
          "%s: %s is %s; %s".formatted(keys.place(), key, TaskYaml.shown(value), what));
    }
  }
}
