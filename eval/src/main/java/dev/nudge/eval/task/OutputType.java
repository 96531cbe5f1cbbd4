package dev.nudge.eval.task;

import dev.nudge.settings.InputException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/// What is asked of a model.
public enum OutputType {
  /// How likely it finds a text behind another.
  LOGLIKELIHOOD(List.of("perplexity", "acc")),
  /// Which of some texts it finds the likeliest behind another.
  MULTIPLE_CHOICE(List.of("acc", "acc_norm")),
  /// How likely it finds a whole text, of any length.
  LOGLIKELIHOOD_ROLLING(List.of("word_perplexity", "byte_perplexity", "bits_per_byte")),
  /// What it says behind a text.
  GENERATE_UNTIL(List.of("exact_match"));

  private final List<String> metrics;

  OutputType(List<String> metrics) {
    this.metrics = metrics;
  }

  /// The metrics of a task that names none.
  public List<String> metrics() {
    return metrics;
  }

  /// The name in a task file.
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
