package dev.nudge.eval.gate;

import dev.nudge.format.Json;
import dev.nudge.format.Sha256;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/// What a model must show before it goes out.
///
/// @param place where it was read, for messages
/// @param rules one at least, in the order of the file
public record Policy(String place, List<Rule> rules) {
  public Policy {
    rules = List.copyOf(rules);
  }

  /// The digest of what the rules say; comments, order of keys and the file's form do not count.
  public String digest() {
    List<Object> all = new ArrayList<>();
    for (Rule rule : rules) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("kind", rule.kind().word());
      one.putAll(rule.values());
      all.add(one);
    }
    return Sha256.of(Json.line(all).getBytes(StandardCharsets.UTF_8));
  }

  /// Whether a rule looks at a base beside the model.
  public boolean compares() {
    return asksJudge()
        || rules.stream().anyMatch(r -> r instanceof Rule.Improve || r instanceof Rule.Retain);
  }

  /// Whether a rule asks what a judge says.
  public boolean asksJudge() {
    return rules.stream().anyMatch(r -> r instanceof Rule.Judge);
  }

  /// Whether a rule asks what stands in the training set.
  public boolean asksLeaks() {
    return rules.stream().anyMatch(r -> r instanceof Rule.Leakage);
  }

  /// Checks that what a judge is asked about makes texts; for the time before an evaluation starts.
  ///
  /// @param tasks that are evaluated
  /// @param texts those of them that make texts
  /// @throws InputException in one line, for the first rule that names another of them
  public void checkTexts(Set<String> tasks, Set<String> texts) {
    for (Rule rule : rules) {
      if (rule instanceof Rule.Judge judge
          && tasks.contains(judge.task())
          && !texts.contains(judge.task())) {
        throw new InputException(
            "%s: judge names the task %s, which makes no texts (output_type generate_until)%s"
                .formatted(
                    place,
                    judge.task(),
                    texts.isEmpty()
                        ? "; name one that does"
                        : "; name one that does: " + String.join(", ", new TreeSet<>(texts))));
      }
    }
  }

  /// Checks that an evaluation will have what the rules name; for the time before it starts.
  ///
  /// @param metrics of each task, and of each group that has numbers of its own, as `METRIC` and as
  ///     `METRIC,FILTER`
  /// @param groups the tasks of each group
  /// @param compared whether a base is evaluated beside the model
  /// @throws InputException in one line, for the first rule that names something else
  public void check(
      Map<String, Set<String>> metrics, Map<String, List<String>> groups, boolean compared) {
    for (Rule rule : rules) {
      String task =
          switch (rule) {
            case Rule.OfMetric r -> r.on().task();
            case Rule.Judge r -> r.task();
            case Rule.Leakage r -> r.task();
            case Rule.Latency r -> null;
          };
      if (task == null) {
        continue;
      }
      Set<String> there = metrics.get(task);
      List<String> tasks = groups.get(task);
      if (tasks != null && rule instanceof Rule.Leakage) {
        continue;
      }
      if (tasks != null && rule instanceof Rule.Judge) {
        throw new InputException(
            "%s: judge names the group %s; a win rate is of one task: name one of %s"
                .formatted(place, task, String.join(", ", tasks)));
      }
      if (there == null && tasks != null) {
        throw new InputException(
            "%s: %s names the group %s, which has no number of its own (aggregate_metric_list); name one of its tasks: %s"
                .formatted(place, rule.kind().word(), task, String.join(", ", tasks)));
      }
      if (there == null) {
        throw new InputException(
            "%s: %s names the task %s, which is not evaluated; --tasks has %s%s"
                .formatted(
                    place,
                    rule.kind().word(),
                    task,
                    String.join(", ", metrics.keySet()),
                    Nearest.hint(task, metrics.keySet())));
      }
      if (rule instanceof Rule.OfMetric r) {
        String filter = r.on().filter();
        String key = r.on().metric() + (filter == null ? "" : "," + filter);
        if (!there.contains(key)) {
          throw new InputException(
              "%s: %s names the metric %s, which %s does not have; it has %s%s"
                  .formatted(
                      place,
                      rule.kind().word(),
                      key,
                      task,
                      String.join(", ", new TreeSet<>(there)),
                      Nearest.hint(key, there)));
        }
      }
    }
    if (!compared && compares()) {
      throw new InputException(
          "%s: improve, retain and judge compare a model with its base; give --adapter, or leave them out"
              .formatted(place));
    }
  }
}
