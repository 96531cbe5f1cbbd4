package dev.nudge.eval.gate;

import dev.nudge.eval.leak.LeakKind;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// A rule of a policy.
public sealed interface Rule {

  /// The kind of the rule, its key in a policy file.
  RuleKind kind();

  /// The rule's settings by key, as in a policy file.
  Map<String, Object> values();

  /// A short display name, such as `improve legal acc`.
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
  /// @param filter null: the task's first filter
  record On(String task, String metric, @Nullable String filter) {
    String shown() {
      return task + " " + metric + (filter == null ? "" : "," + filter);
    }

    private Map<String, Object> values() {
      Map<String, Object> values = new LinkedHashMap<>();
      values.put("task", task);
      values.put("metric", metric);
      if (filter != null) {
        values.put("filter", filter);
      }
      return values;
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
  /// @param by in the metric's own unit, 0 or more; towards its better side
  record Improve(On on, double by, double confidence) implements OfMetric {
    @Override
    public RuleKind kind() {
      return RuleKind.IMPROVE;
    }

    @Override
    public Map<String, Object> values() {
      Map<String, Object> values = on.values();
      values.put("by", by);
      values.put("confidence", confidence);
      return values;
    }
  }

  /// The model is non-inferior to the base: the one-sided lower bound of the gain lies above
  /// −margin.
  ///
  /// @param margin in the metric's own unit, above 0
  record Retain(On on, double margin, double confidence) implements OfMetric {
    @Override
    public RuleKind kind() {
      return RuleKind.RETAIN;
    }

    @Override
    public Map<String, Object> values() {
      Map<String, Object> values = on.values();
      values.put("margin", margin);
      values.put("confidence", confidence);
      return values;
    }
  }

  /// The number that is held against a limit.
  enum By {
    /// The one-sided confidence bound.
    BOUND,
    /// The point estimate, whatever its error.
    POINT;

    String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /// The model's own metric keeps a floor or a ceiling.
  ///
  /// @param floor whether it must be at least `limit`; else at most
  record Limit(On on, boolean floor, double limit, By by, double confidence) implements OfMetric {
    @Override
    public RuleKind kind() {
      return floor ? RuleKind.FLOOR : RuleKind.CEILING;
    }

    @Override
    public Map<String, Object> values() {
      Map<String, Object> values = on.values();
      values.put(floor ? "at_least" : "at_most", limit);
      values.put("judged_by", by.word());
      if (by == By.BOUND) {
        values.put("confidence", confidence);
      }
      return values;
    }
  }

  /// A judge prefers the model's texts to the base's: the one-sided lower bound of the win rate
  /// lies above `atLeast`.
  ///
  /// @param atLeast between 0 and 1; 0.5: the model is better; less, such as 0.45, is a margin
  record Judge(String task, double atLeast, double confidence) implements Tested {
    @Override
    public RuleKind kind() {
      return RuleKind.JUDGE;
    }

    @Override
    public Map<String, Object> values() {
      Map<String, Object> values = new LinkedHashMap<>();
      values.put("task", task);
      values.put("at_least", atLeast);
      values.put("confidence", confidence);
      return values;
    }
  }

  /// At most a share of a task's documents is leaked into the training set.
  ///
  /// @param task null: each task by itself
  /// @param kinds kinds of leak that count
  record Leakage(@Nullable String task, double atMost, Set<LeakKind> kinds) implements Rule {
    public Leakage {
      kinds = Set.copyOf(kinds);
    }

    @Override
    public RuleKind kind() {
      return RuleKind.LEAKAGE;
    }

    @Override
    public Map<String, Object> values() {
      Map<String, Object> values = new LinkedHashMap<>();
      if (task != null) {
        values.put("task", task);
      }
      values.put("at_most", atMost);
      values.put(
          "kinds",
          List.copyOf(
              new TreeSet<>(
                  kinds.stream().map(kind -> kind.name().toLowerCase(Locale.ROOT)).toList())));
      return values;
    }
  }

  /// A limit of latency or throughput.
  ///
  /// @param perRequest true: `limit` is the most seconds per request; false: the fewest generated
  ///     tokens per second
  record Latency(boolean perRequest, double limit) implements Rule {
    @Override
    public RuleKind kind() {
      return RuleKind.LATENCY;
    }

    @Override
    public Map<String, Object> values() {
      Map<String, Object> values = new LinkedHashMap<>();
      values.put(perRequest ? "seconds_per_request" : "tokens_per_second", limit);
      return values;
    }
  }
}
