package dev.nudge.cli.judge;

import dev.nudge.cli.console.Console;
import dev.nudge.cli.console.ExitCode;
import dev.nudge.cli.console.LiveLine;
import dev.nudge.cli.console.ProgressLine;
import dev.nudge.cli.console.Signals;
import dev.nudge.cli.console.TextTable;
import dev.nudge.cli.console.Verb;
import dev.nudge.eval.gate.GateResult;
import dev.nudge.eval.judge.JudgeFiles;
import dev.nudge.eval.judge.JudgeResult;
import dev.nudge.eval.leak.LeakReport;
import dev.nudge.eval.run.Difference;
import dev.nudge.eval.run.Evaluation;
import dev.nudge.eval.run.GroupScores;
import dev.nudge.eval.run.ModelResults;
import dev.nudge.eval.run.Outcome;
import dev.nudge.eval.run.TaskScores;
import dev.nudge.eval.suite.Suite;
import dev.nudge.settings.Count;
import dev.nudge.settings.verb.EvaluateSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// `nudge eval`: evaluates a model, and adapters on it, on benchmark tasks.
///
/// @param evaluator runs the evaluation
public record EvalVerb(Evaluator evaluator) implements Verb<EvaluateSettings> {

  /// The library function that this verb calls.
  public interface Evaluator {
    /// Evaluates, and writes into `settings.out()`.
    Suite.Judged evaluate(EvaluateSettings settings, Evaluation.Watcher watcher);
  }

  @Override
  public About<EvaluateSettings> about() {
    return new About<>(
        "eval", "evaluates a model, and adapters on it, on tasks", EvaluateSettings.class);
  }

  @Override
  public int run(EvaluateSettings settings, Console console) {
    LiveLine line =
        new LiveLine(console.messages(), ProgressLine.style(console), System::nanoTime, "");
    Thread asking = Thread.currentThread();
    Runnable stop =
        () -> {
          console.note("\nstopping; again to stop at once");
          asking.interrupt();
        };
    Suite.Judged judged;
    try (Signals signals = Signals.catching(stop)) {
      try {
        judged = evaluator.evaluate(settings, new EvalProgress(line, console, System::nanoTime));
      } catch (RuntimeException e) {
        if (!signals.stopped()) {
          throw e;
        }
        line.end();
        console.refuse(stopped(settings.out()));
        return signals.exitCode();
      } finally {
        line.end();
        if (signals.stopped()) {
          Thread.interrupted(); // the exit code reports it
        }
      }
    }
    Outcome outcome = judged.outcome();
    TextTable.lines(table(outcome)).forEach(console::result);
    judged.leaks().forEach((task, report) -> console.result(leaked(task, report)));
    JudgeResult judge = judged.judge();
    if (judge != null) {
      JudgeLines.of(judge).forEach(console::result);
    }
    GateResult gate = judged.gate();
    Map<String, Object> summary = new LinkedHashMap<>(judged.summary());
    if (judge != null) {
      summary.put("judge", JudgeFiles.json(judge));
    }
    if (gate != null) {
      gate.rules().forEach(rule -> console.result(rule.verdict() + ": " + rule.sentence()));
      console.result("gate: " + gate.line());
      summary.put("gate", gate.verdict().word());
    }
    console.object(summary);
    console.note(
        "%s of %s asked in %s; report, results and documents in %s"
            .formatted(
                String.format(Locale.ROOT, "%,d", outcome.asked()),
                Count.of(outcome.requests(), "request"),
                ProgressLine.duration(outcome.seconds()),
                settings.out()));
    return gate == null ? ExitCode.DONE : gate.verdict().exitCode();
  }

  private static String stopped(Path out) {
    return Files.exists(out.resolve(Evaluation.ANSWERS))
        ? "stopped; answers so far are kept in %s, and the same command goes on from there"
            .formatted(out)
        : "stopped before anything was asked; nothing was written";
  }

  private static String leaked(String task, LeakReport report) {
    return "leaks: %s has %s of %s in %s"
        .formatted(
            task,
            String.format(Locale.ROOT, "%,d", report.leaks().size()),
            Count.of(report.items(), "document"),
            Count.of(report.rows(), "row") + " of --train-data");
  }

  /// Returns a row per metric: with the standard error for a single model, else with each model's
  /// difference from the previous one.
  private static List<List<String>> table(Outcome outcome) {
    boolean single = outcome.models().size() == 1;
    List<List<String>> rows = new ArrayList<>();
    List<String> heads = new ArrayList<>(List.of("task", "metric"));
    outcome.models().forEach(model -> heads.add(single ? "value" : model.name()));
    if (single) {
      heads.add("stderr");
    }
    outcome.differences().keySet().forEach(name -> heads.add(name + ": difference, 95 %, p"));
    rows.add(heads);
    ModelResults first = outcome.models().getFirst();
    first
        .tasks()
        .forEach(
            (name, task) ->
                task.scores().forEach((key, score) -> rows.add(row(outcome, name, key, score))));
    first.groups().forEach((name, group) -> rows.addAll(rows(outcome, name, group)));
    return rows;
  }

  private static List<String> row(
      Outcome outcome, String task, String key, TaskScores.Score score) {
    List<String> row = new ArrayList<>(List.of(task, shown(key)));
    for (ModelResults model : outcome.models()) {
      row.add(number(model.value(task, key)));
    }
    if (outcome.models().size() == 1) {
      row.add(number(score.stderr()));
    }
    row.addAll(differences(outcome, task, key));
    return row;
  }

  /// Returns the differences of a task or group, one per model after the first.
  private static List<String> differences(Outcome outcome, String name, String key) {
    return outcome.differences().values().stream()
        .map(
            all ->
                all.getOrDefault(name, List.of()).stream()
                    .filter(d -> d.key().equals(key))
                    .findFirst()
                    .map(EvalVerb::shown)
                    .orElse(""))
        .toList();
  }

  private static List<List<String>> rows(Outcome outcome, String name, GroupScores group) {
    List<List<String>> rows = new ArrayList<>();
    group
        .scores()
        .forEach(
            (key, score) -> {
              List<String> row = new ArrayList<>(List.of(name, shown(key)));
              for (ModelResults model : outcome.models()) {
                row.add(number(model.value(name, key)));
              }
              if (outcome.models().size() == 1) {
                row.add(number(score.stderr()));
              }
              row.addAll(differences(outcome, name, key));
              rows.add(row);
            });
    return rows;
  }

  private static String shown(String key) {
    return key.endsWith(",none") ? key.substring(0, key.length() - ",none".length()) : key;
  }

  private static String shown(Difference d) {
    String changed = d.counted() ? ", " + d.fixed() + " fixed, " + d.broken() + " broken" : "";
    changed += d.clusters() > 0 ? ", " + d.clusters() + " clusters" : "";
    if (!Double.isNaN(d.detectable())) {
      changed += ", could see " + number(d.detectable());
    }
    return "%s [%s, %s], p %s%s"
        .formatted(signed(d.value()), signed(d.low()), signed(d.high()), number(d.p()), changed);
  }

  private static String signed(double value) {
    return (value >= 0 ? "+" : "") + number(value);
  }

  /// Formats a number as a table cell; `-` for NaN.
  static String number(double value) {
    if (Double.isNaN(value)) {
      return "-";
    }
    return Math.abs(value) >= 1e6
        ? String.format(Locale.ROOT, "%.4g", value)
        : String.format(Locale.ROOT, "%.4f", value);
  }
}
