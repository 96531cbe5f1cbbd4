package dev.nudge.eval.task;

import dev.nudge.settings.InputException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/// The harness's `output_type`: the kind of request to a model.
public enum OutputType {
  /// The log-likelihood of a continuation given a context.
  LOGLIKELIHOOD(List.of("perplexity", "acc")),
  /// The likeliest of several continuations of a context.
  MULTIPLE_CHOICE(List.of("acc", "acc_norm")),
  /// The log-likelihood of a whole text of any length, in windows.
  LOGLIKELIHOOD_ROLLING(List.of("word_perplexity", "byte_perplexity", "bits_per_byte")),
  /// Text generated after a prompt until a stop string.
  GENERATE_UNTIL(List.of("exact_match"));

  private final List<String> metrics;

  OutputType(List<String> metrics) {
    this.metrics = metrics;
  }

  /// Returns the metrics of a task that names none.
  public List<String> metrics() {
    return metrics;
  }

  /// Returns the name in a task file.
  public String key() {
    return name().toLowerCase(Locale.ROOT);
  }

  static OutputType of(TaskKeys keys) {
    String name = keys.text("output_type", GENERATE_UNTIL.key());
    for (OutputType type : values()) {
      if (type.key().equals(name)) {
        return type;
      }
    }
    throw new InputException(
        "%s: output_type is %s; it must be one of %s"
            .formatted(
                keys.place(),
                name,
                Arrays.stream(values()).map(OutputType::key).collect(Collectors.joining(", "))));
  }
}
