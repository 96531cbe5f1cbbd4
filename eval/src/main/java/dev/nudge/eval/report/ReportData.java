package dev.nudge.eval.report;

import dev.nudge.eval.gate.Digests;
import dev.nudge.eval.gate.GateResult;
import dev.nudge.eval.judge.JudgeResult;
import dev.nudge.eval.leak.LeakReport;
import dev.nudge.eval.run.Outcome;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The input of a report.
///
/// @param title title, such as the model's name
/// @param gate verdict of the policy; null: no policy
/// @param leaks leak scan of each task's documents, by task; an item's id is the document's index
/// @param judge results of the LLM judge; null: none
/// @param settings settings to show, in order
/// @param digests digests of all inputs; null: unknown; a gate's own digests take precedence
/// @param at creation time
public record ReportData(
    String title,
    Outcome outcome,
    @Nullable GateResult gate,
    Map<String, LeakReport> leaks,
    @Nullable JudgeResult judge,
    Map<String, String> settings,
    @Nullable Digests digests,
    Instant at) {
  public ReportData {
    leaks = Map.copyOf(leaks);
    settings = new LinkedHashMap<>(settings);
  }

  /// Returns a report of an outcome without gate, leaks or judge.
  public static ReportData of(String title, Outcome outcome, Instant at) {
    return new ReportData(title, outcome, null, Map.of(), null, Map.of(), null, at);
  }

  /// Adds a gate verdict, whose digests are shown.
  public ReportData withGate(GateResult result) {
    return new ReportData(title, outcome, result, leaks, judge, settings, result.digests(), at);
  }

  /// Adds the leak scan of the training set.
  public ReportData withLeaks(Map<String, LeakReport> found) {
    return new ReportData(title, outcome, gate, found, judge, settings, digests, at);
  }

  /// Adds judge results; null: none.
  public ReportData withJudge(@Nullable JudgeResult found) {
    return new ReportData(title, outcome, gate, leaks, found, settings, digests, at);
  }

  /// Adds settings to show.
  public ReportData withSettings(Map<String, String> shown) {
    return new ReportData(title, outcome, gate, leaks, judge, shown, digests, at);
  }
}
