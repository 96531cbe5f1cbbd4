package dev.nudge.bench.measure;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// One side's results of one process.
///
/// @param rates real tokens a second of each step but the first; empty: it failed
/// @param losses of each step
/// @param real tokens of a step without padding
/// @param computed tokens of a step with padding
/// @param anon peak resident anonymous bytes
/// @param total peak bytes charged to its cgroup; the peer's own peak of resident bytes
/// @param failure why it failed; empty: it did not
public record Side(
    List<Double> rates,
    List<Double> losses,
    double real,
    double computed,
    long anon,
    long total,
    String failure) {

  static final String TOO_LARGE = "does not fit in ";

  static Side failed(String why, long anon, long total) {
    return new Side(List.of(), List.of(), 0, 0, anon, total, why);
  }

  /// Returns whether the memory limit stopped the process.
  public boolean tooLarge() {
    return failure.startsWith(TOO_LARGE);
  }

  public boolean fine() {
    return failure.isEmpty();
  }

  public double median() {
    return TrainingSteps.median(rates);
  }

  public Map<String, Object> values() {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("rates", rates);
    values.put("losses", losses);
    values.put("real", real);
    values.put("computed", computed);
    values.put("anon", anon);
    values.put("total", total);
    values.put("failure", failure);
    return values;
  }

  public static Side of(Map<String, Object> values) {
    return new Side(
        numbers(values, "rates"),
        numbers(values, "losses"),
        number(values, "real"),
        number(values, "computed"),
        (long) number(values, "anon"),
        (long) number(values, "total"),
        String.valueOf(values.get("failure")));
  }

  private static double number(Map<String, Object> values, String key) {
    return values.get(key) instanceof Number n ? n.doubleValue() : 0;
  }

  public static List<Double> numbers(Map<String, Object> values, String key) {
    List<Double> numbers = new ArrayList<>();
    if (values.get(key) instanceof List<?> list) {
      list.forEach(v -> numbers.add(((Number) v).doubleValue()));
    }
    return numbers;
  }
}
