package dev.nudge.eval.gate;

import java.time.Instant;
import java.util.List;

/// The verdict of a policy with the result of each rule and the digests of all inputs.
///
/// @param policy path of the policy file
/// @param at time of the verdict
public record GateResult(
    Verdict verdict, String policy, List<RuleResult> rules, Digests digests, Instant at) {
  public GateResult {
    rules = List.copyOf(rules);
  }

  /// One line: the verdict and the number of rules by result.
  public String line() {
    StringBuilder line = new StringBuilder(verdict.name());
    String between = ": ";
    for (Verdict one : Verdict.values()) {
      long count = rules.stream().filter(rule -> rule.verdict() == one).count();
      if (count > 0) {
        line.append(between).append(count).append(' ').append(one.word());
        between = ", ";
      }
    }
    return line.toString();
  }
}
