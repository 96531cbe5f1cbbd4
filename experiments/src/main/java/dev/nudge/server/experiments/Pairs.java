package dev.nudge.server.experiments;

import dev.nudge.eval.Clusters;
import dev.nudge.eval.Wins;

/// Paired outcomes of prompts that both arms of a shadow experiment answered. The shadow answer
/// runs at low priority, so its times are not compared.
///
/// Threading: guarded by the experiment's lock.
final class Pairs {
  long count;
  long answered; // pairs with digests of both answers
  long same;
  Wins wins = Wins.NONE; // wins of the second arm
  final Clusters length = new Clusters(); // length of the second answer minus the first

  /// Adds the pair of a request that both arms have answered.
  void add(PendingRequest asked, AnswerFacts first, AnswerFacts second) {
    count++;
    for (ArmMetric metric : Guardrail.EVENTS) {
      double a = metric.weight(first) > 0 ? metric.amount(first) : 0;
      double b = metric.weight(second) > 0 ? metric.amount(second) : 0;
      boolean one = metric != ArmMetric.FIRST_TOKEN && a != b;
      if (one && (asked.unit == null || asked.unit.first(metric))) {
        asked.stage.event(metric, b > a ? 1 : 0);
      }
    }
    if (ArmMetric.LENGTH.weight(first) > 0 && ArmMetric.LENGTH.weight(second) > 0) {
      double more = second.completionTokens() - first.completionTokens();
      if (asked.unit == null) {
        length.add(more, 1);
      } else {
        asked.unit.add(length, ArmMetric.LENGTH, more, 1);
      }
      if (first.answer() != null && second.answer() != null) {
        answered++;
        same += first.answer().equals(second.answer()) ? 1 : 0;
      }
    }
  }

  /// Counts a preference, once per unit.
  ///
  /// @param arm index of the preferred arm; −1: tie
  void preferred(PendingRequest asked, int arm) {
    if (asked.preferred) {
      return;
    }
    asked.preferred = true;
    if (arm < 0) {
      wins = wins.plus(new Wins(0, 0, 1));
    } else if (asked.unit == null || asked.unit.first(ArmMetric.PREFERRED)) {
      wins = wins.plus(arm == 1 ? new Wins(1, 0, 0) : new Wins(0, 1, 0));
    }
  }
}
