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

  /// Its kind, under whose word it stands in a policy.
  RuleKind kind();

  /// What it says, key by key, as a policy has it.
  Map<String, Object> values();

  /// A short name, such as `improve legal acc`.
  default String name() {
    return switch (this) {
      case OfMetric rule -> kind().word() + " " + rule.on().shown();
      case Judge rule -> kind().word() + " " + rule.task();
      case Leakage rule -> kind().word() + (rule.task() == null ? "" : " " + rule.task());
      case Latency rule -> kind().word() + " " + rule.values().keySet().iterator().next();
    };
  }

  /// A number of an evaluation.
  ///
  /// @param filter null: the task's first
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

  /// A rule about a number that documents may not tell for sure.
  sealed interface Tested extends Rule {
    double confidence();
  }

  /// A rule about a metric.
  sealed interface OfMetric extends Tested {
    On on();
  }

  /// The model is better than the base by more than `by`: the two-sided interval lies above it.
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

  /// The model is worse than the base by less than `margin`: the one-sided bound lies above
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

  /// By what a limit is judged.
  enum By {
    /// The one-sided bound of the number must keep it.
    BOUND,
    /// The number itself must keep it, whatever it may be off.
    POINT;

    String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /// The model's own number keeps a limit.
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

  /// A judge prefers the model's texts to the base's often enough: the one-sided bound of the win
  /// rate lies above `atLeast`.
  ///
  /// @param atLeast above 0 and below 1; 0.5: the model is better; a margin is less, such as 0.45
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

  /// At most a share of documents stands in the training set.
  ///
  /// @param task null: each task by itself
  /// @param kinds ways of standing there that count
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

  /// Answers come fast enough.
  ///
  /// @param perRequest whether `limit` is the most seconds a request; else the fewest tokens a
  /// second
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
