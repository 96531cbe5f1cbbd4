package dev.nudge.bench;

import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/// One side's results of one task.
///
/// @param seconds of the evaluation; the peer's without imports and model loading, nudge's with
///     loading
/// @param requests answered ones
/// @param numbers by metric
record HarnessSide(double seconds, int requests, Map<String, Double> numbers) {
  /// Reads a peer's result line.
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

  /// Returns the largest difference of a metric, relative if it is above 1, for perplexity of its
  /// logarithm, which both sides sum; NaN if the sides' metrics differ in name.
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
