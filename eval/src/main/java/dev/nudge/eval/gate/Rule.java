package dev.nudge.eval.gate;

import dev.nudge.eval.leak.LeakKind;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// A rule of a policy.
public sealed interface Rule {

  /// Returns the kind of the rule, its key in a policy file.
  default Kind kind() {
    return switch (this) {
      case Improve _ -> Kind.IMPROVE;
      case Retain _ -> Kind.RETAIN;
      case Limit rule -> rule.floor() ? Kind.FLOOR : Kind.CEILING;
      case Judge _ -> Kind.JUDGE;
      case Leakage _ -> Kind.LEAKAGE;
      case Latency _ -> Kind.LATENCY;
    };
  }

  /// Returns the rule's settings by key, as in a policy file.
  default Map<String, Object> values() {
    Map<String, Object> values = new LinkedHashMap<>();
    if (this instanceof OfMetric rule) {
      values.put("task", rule.on().task());
      values.put("metric", rule.on().metric());
      if (rule.on().filter() != null) {
        values.put("filter", rule.on().filter());
      }
    }
    switch (this) {
      case Improve rule -> values.put("by", rule.by());
      case Retain rule -> values.put("margin", rule.margin());
      case Limit rule -> {
        values.put(rule.floor() ? "at_least" : "at_most", rule.limit());
        values.put("judged_by", rule.by().word());
      }
      case Judge rule -> {
        values.put("task", rule.task());
        values.put("at_least", rule.atLeast());
      }
      case Leakage rule -> {
        if (rule.task() != null) {
          values.put("task", rule.task());
        }
        values.put("at_most", rule.atMost());
        values.put(
            "kinds",
            rule.kinds().stream()
                .map(kind -> kind.name().toLowerCase(Locale.ROOT))
                .sorted()
                .toList());
      }
      case Latency rule ->
          values.put(rule.perRequest() ? "seconds_per_request" : "tokens_per_second", rule.limit());
    }
    if (this instanceof Tested rule && !(rule instanceof Limit limit && limit.by() == By.POINT)) {
      values.put("confidence", rule.confidence());
    }
    return values;
  }

  /// Returns a short display name, such as `improve legal acc`.
  default String name() {
    return switch (this) {
      case OfMetric rule -> kind().word() + " " + rule.on().shown();
      case Judge rule -> kind().word() + " " + rule.task();
      case Leakage rule -> kind().word() + (rule.task() == null ? "" : " " + rule.task());
      case Latency rule -> kind().word() + " " + rule.values().keySet().iterator().next();
    };
  }

  /// A metric of a task or group.
  ///
  /// @param filter name of the filter; null: the task's first
  record On(String task, String metric, @Nullable String filter) {
    String shown() {
      return task + " " + metric + (filter == null ? "" : "," + filter);
    }
  }

  /// A rule that is judged by a statistical test.
  sealed interface Tested extends Rule {
    double confidence();
  }

  /// A rule about a metric.
  sealed interface OfMetric extends Tested {
    On on();
  }

  /// The model beats the base by more than `by`: the two-sided interval lies above `by`.
  ///
  /// @param by required gain in the metric's unit, 0 or more
  record Improve(On on, double by, double confidence) implements OfMetric {}

  /// The model is non-inferior to the base: the one-sided lower bound of the gain lies above
  /// −margin.
  ///
  /// @param margin allowed loss in the metric's unit, above 0
  record Retain(On on, double margin, double confidence) implements OfMetric {}

  /// The number that is compared with a limit.
  enum By {
    /// The one-sided confidence bound.
    BOUND,
    /// The point estimate, regardless of its error.
    POINT;

    String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /// The model's own metric respects a floor or a ceiling.
  ///
  /// @param floor whether it must be at least `limit`; else at most
  record Limit(On on, boolean floor, double limit, By by, double confidence) implements OfMetric {}

  /// A judge prefers the model's texts to the base's: the one-sided lower bound of the win rate
  /// lies above `atLeast`.
  ///
  /// @param atLeast between 0 and 1; 0.5: the model is better; less, such as 0.45, is a margin
  record Judge(String task, double atLeast, double confidence) implements Tested {}

  /// At most a share of a task's documents is leaked into the training set.
  ///
  /// @param task task to check; null: each task separately
  /// @param kinds kinds of leak that count
  record Leakage(@Nullable String task, double atMost, Set<LeakKind> kinds) implements Rule {
    public Leakage {
      kinds = Set.copyOf(kinds);
    }
  }

  /// A limit of latency or throughput.
  ///
  /// @param perRequest true: `limit` is the most seconds per request; false: the fewest generated
  ///     tokens per second
  record Latency(boolean perRequest, double limit) implements Rule {}

  /// The kinds of rules, each a key of a policy file, in the order in which they are read.
  enum Kind {
    IMPROVE,
    RETAIN,
    FLOOR,
    CEILING,
    JUDGE,
    LEAKAGE,
    LATENCY;

    /// Returns the key, in lower case.
    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }

    /// All keys.
    static List<String> words() {
      return Stream.of(values()).map(Kind::word).toList();
    }
  }
}
