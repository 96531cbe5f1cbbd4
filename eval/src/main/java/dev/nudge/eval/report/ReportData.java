package dev.nudge.eval.report;

import dev.nudge.eval.gate.Digests;
import dev.nudge.eval.gate.GateResult;
import dev.nudge.eval.judge.JudgeResult;
import dev.nudge.eval.leak.LeakReport;
import dev.nudge.eval.run.Outcome;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What a report is made of.
///
/// @param title such as the model's name
/// @param gate null: no policy was judged
/// @param leaks what was found of a task's documents in the training set, by task; an item's id is
///     the number of its document
/// @param judge what a judge found; null: no texts were judged
/// @param settings as they are shown, in order
/// @param digests null: none are known; a gate's are shown where they are
/// @param subgroups columns of documents that split them, beside those that a task file names in
/// its
///     `metadata: {subgroups: […]}`
/// @param at when it was made
public record ReportData(
    String title,
    Outcome outcome,
    @Nullable GateResult gate,
    Map<String, LeakReport> leaks,
    @Nullable JudgeResult judge,
    Map<String, String> settings,
    @Nullable Digests digests,
    List<String> subgroups,
    Instant at) {
  public ReportData {
    leaks = Map.copyOf(leaks);
    settings = new LinkedHashMap<>(settings);
    subgroups = List.copyOf(subgroups);
  }

  /// An outcome alone.
  public static ReportData of(String title, Outcome outcome, Instant at) {
    return new ReportData(title, outcome, null, Map.of(), null, Map.of(), null, List.of(), at);
  }

  /// With a verdict, whose digests are shown.
  public ReportData withGate(GateResult result) {
    return new ReportData(
        title, outcome, result, leaks, judge, settings, result.digests(), subgroups, at);
  }

  /// With what was found in the training set.
  public ReportData withLeaks(Map<String, LeakReport> found) {
    return new ReportData(title, outcome, gate, found, judge, settings, digests, subgroups, at);
  }

  /// With what a judge found; null: nothing.
  public ReportData withJudge(@Nullable JudgeResult found) {
    return new ReportData(title, outcome, gate, leaks, found, settings, digests, subgroups, at);
  }

  /// With settings to show.
  public ReportData withSettings(Map<String, String> shown) {
    return new ReportData(title, outcome, gate, leaks, judge, shown, digests, subgroups, at);
  }

  /// With columns that split documents.
  public ReportData withSubgroups(List<String> columns) {
    return new ReportData(title, outcome, gate, leaks, judge, settings, digests, columns, at);
  }
}
