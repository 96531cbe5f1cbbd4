package dev.nudge.eval.release;

import dev.nudge.eval.Bootstrap;
import dev.nudge.eval.gate.Digests;
import dev.nudge.eval.gate.Gate;
import dev.nudge.eval.gate.GateResult;
import dev.nudge.eval.gate.Policy;
import dev.nudge.eval.gate.PolicyFile;
import dev.nudge.eval.gate.RuleResult;
import dev.nudge.eval.gate.Verdict;
import dev.nudge.format.Sha256;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// The gate of a release: the rules of a policy on the held-out rows, for the release against base
/// + adapter.
///
///     retain:
///       - {task: held_out, metric: loss, margin: 0.01}
///
/// @param policy policy whose rules are all about the loss of the rows
record ReleaseGate(Policy policy) {
  /// The task name of the rows in rules.
  static final String TASK = "held_out";

  /// Reads a policy.
  ///
  /// @throws dev.nudge.settings.InputException if a rule is about something else
  static ReleaseGate of(Path file) {
    Policy policy = PolicyFile.read(file);
    policy.checkRows(TASK, RowLosses.LOSS);
    return new ReleaseGate(policy);
  }

  /// Judges the release.
  ///
  /// @param known the digests of the report
  GateResult judge(
      ReleaseSettings settings,
      RowLosses tuned,
      RowLosses own,
      Map<String, @Nullable Object> known) {
    Map<String, String> shown = new TreeMap<>();
    shown.put("release", text(known, "release"));
    shown.put("to", settings.to());
    Digests digests =
        new Digests(
            text(known, "base"),
            Digests.adapter(settings.adapter()),
            text(known, "tokenizer"),
            (String) known.get("template"),
            Map.of(TASK, Sha256.of(RowLosses.LOSS.getBytes(StandardCharsets.UTF_8))),
            Map.of(TASK, text(known, "data")),
            Bootstrap.STANDARD.seed(),
            shown,
            policy.digest());
    return Gate.judge(policy, TASK, tuned.score(), own.score(), digests, Instant.now());
  }

  private static String text(Map<String, @Nullable Object> known, String key) {
    return Objects.requireNonNullElse((String) known.get(key), "");
  }

  /// Describes why the release passed or not: the policy, and the first rule that decided.
  static String line(Path out, GateResult result) {
    RuleResult first =
        result.rules().stream()
            .filter(rule -> rule.verdict() == result.verdict())
            .findFirst()
            .orElseThrow();
    return "%s %s: %s of --policy %s; %s: %s"
        .formatted(
            out,
            result.verdict() == Verdict.PASS ? "is released" : "is not released",
            result.line(),
            result.policy(),
            first.rule().name(),
            first.sentence());
  }
}
