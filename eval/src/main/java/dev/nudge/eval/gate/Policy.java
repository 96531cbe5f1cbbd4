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

/// The acceptance criteria of a model: the rules of a policy file.
///
/// @param place the file, for messages
/// @param rules at least one, in file order
public record Policy(String place, List<Rule> rules) {
  public Policy {
    rules = List.copyOf(rules);
  }

  /// The digest of the rules' content; comments, key order and file format do not change it.
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

  /// Whether a rule compares the model with its base.
  public boolean compares() {
    return asksJudge()
        || rules.stream().anyMatch(r -> r instanceof Rule.Improve || r instanceof Rule.Retain);
  }

  /// Whether a rule needs the verdicts of a judge.
  public boolean asksJudge() {
    return rules.stream().anyMatch(r -> r instanceof Rule.Judge);
  }

  /// Whether a rule needs the leak scan of the training set.
  public boolean asksLeaks() {
    return rules.stream().anyMatch(r -> r instanceof Rule.Leakage);
  }

  /// Checks, before an evaluation starts, that judge rules name tasks that generate text.
  ///
  /// @param tasks all tasks of the evaluation
  /// @param texts the tasks that generate text
  /// @throws InputException in one line, for the first rule that names another task
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

  /// Checks, before rows are scored, that all rules are about the metric of the rows.
  ///
  /// @throws InputException in one line, for the first rule that is about something else
  public void checkRows(String task, String metric) {
    for (Rule rule : rules) {
      boolean own =
          rule instanceof Rule.OfMetric r
              && r.on().task().equals(task)
              && r.on().metric().equals(metric)
              && r.on().filter() == null;
      if (!own) {
        throw new InputException(
            "%s: the rule %s is not about the held-out rows, which have the task %s with the metric %s; leave others to nudge eval --policy"
                .formatted(place, rule.name(), task, metric));
      }
    }
  }

  /// Checks, before an evaluation starts, that it will produce the metrics that the rules name.
  ///
  /// @param metrics metrics of each task, and of each group with its own metrics, as `METRIC` and
  ///     `METRIC,FILTER`
  /// @param groups the tasks of each group
  /// @param compared whether the base is evaluated too
  /// @throws InputException in one line, for the first rule that names an unknown task or metric
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
      Set<String> known = metrics.get(task);
      List<String> tasks = groups.get(task);
      if (tasks != null && rule instanceof Rule.Leakage) {
        continue;
      }
      if (tasks != null && rule instanceof Rule.Judge) {
        throw new InputException(
            "%s: judge names the group %s; a win rate is of one task: name one of %s"
                .formatted(place, task, String.join(", ", tasks)));
      }
      if (known == null && tasks != null) {
        throw new InputException(
            "%s: %s names the group %s, which has no number of its own (aggregate_metric_list); name one of its tasks: %s"
                .formatted(place, rule.kind().word(), task, String.join(", ", tasks)));
      }
      if (known == null) {
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
        if (!known.contains(key)) {
          throw new InputException(
              "%s: %s names the metric %s, which %s does not have; it has %s%s"
                  .formatted(
                      place,
                      rule.kind().word(),
                      key,
                      task,
                      String.join(", ", new TreeSet<>(known)),
                      Nearest.hint(key, known)));
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
