package dev.nudge.bench;

import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/// What one side made of one task.
///
/// @param seconds of the evaluation; of the peer without its imports and its model, of ours with
///     the model opened
/// @param requests that were answered
/// @param numbers by metric
record HarnessSide(double seconds, int requests, Map<String, Double> numbers) {
  /// Reads a line of the peer's.
  static HarnessSide of(JsonNode result) {
    return new HarnessSide(
        result.path("seconds").asDouble(),
        result.path("requests").asInt(),
        numbers(result.path("numbers"), ""));
  }

  /// Reads the `results.json` of `nudge eval`.
  static HarnessSide of(JsonNode results, String task, int requests) {
    return new HarnessSide(
        Double.parseDouble(results.path("total_evaluation_time_seconds").asString("NaN")),
        requests,
        numbers(results.path("results").path(task), ",none"));
  }

  private static Map<String, Double> numbers(JsonNode object, String suffix) {
    Map<String, Double> numbers = new LinkedHashMap<>();
    object.forEachEntry(
        (key, value) -> {
          if (value.isNumber() && key.endsWith(suffix) && !key.contains("stderr")) {
            numbers.put(key.substring(0, key.length() - suffix.length()), value.asDouble());
          }
        });
    return numbers;
  }

  /// The largest difference of a number, relative where it is above 1, of a perplexity that of its
  /// logarithm, which is what both sides sum up; NaN where they have other ones.
  double apart(HarnessSide other) {
    if (!numbers.keySet().equals(other.numbers.keySet()) || numbers.isEmpty()) {
      return Double.NaN;
    }
    double most = 0;
    for (Map.Entry<String, Double> own : numbers.entrySet()) {
      double ours = own.getValue();
      double theirs = other.numbers.getOrDefault(own.getKey(), Double.NaN);
      if (own.getKey().endsWith("perplexity")) {
        ours = Math.log(ours);
        theirs = Math.log(theirs);
      }
      most = Math.max(most, Math.abs(ours - theirs) / Math.max(1, Math.abs(theirs)));
    }
    return most;
  }
}
