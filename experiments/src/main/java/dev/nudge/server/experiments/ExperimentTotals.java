package dev.nudge.server.experiments;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// All totals of an experiment, a deterministic fold over its events, so that replaying the log
/// restores everything.
///
/// A unit belongs to the stage and arm of its first request. If a later canary stage moves it to
/// the other arm, it has seen both arms, and its later requests count in no comparison.
///
/// A running experiment is in memory: some 300 bytes per unit, and as much per request that still
/// accepts feedback. At its end units and requests are [dropped][#forget]; totals stay.
///
/// Threading: guarded by the experiment's lock.
final class ExperimentTotals {
  static final int MOST_REQUESTS = 200_000; // requests that accept feedback
  private static final double SLOW = 0.95; // first arm's quantile, above which it counts
  private static final int FEWEST_FOR_SLOW = 20;

  private final Definition definition;
  private final List<Stage> stages = new ArrayList<>();
  private final List<ArmTally> arms = new ArrayList<>();
  private Map<Long, UnitTally> units = new HashMap<>();
  private Map<String, String> responses = new HashMap<>();
  private Map<String, PendingRequest> requests = new LinkedHashMap<>();
  final Pairs pairs = new Pairs();

  ExperimentTotals(Definition definition) {
    this.definition = definition;
    definition.arms().forEach(arm -> arms.add(new ArmTally()));
    stage(0);
  }

  Definition definition() {
    return definition;
  }

  List<Stage> stages() {
    return stages;
  }

  Stage stage() {
    return stages.getLast();
  }

  ArmTally arm(int arm) {
    return arms.get(arm);
  }

  long units(int arm) {
    return stages.stream().mapToLong(stage -> stage.units(arm)).sum();
  }

  /// Returns the request with an id; null if unknown.
  @Nullable PendingRequest asked(String request) {
    return requests.get(request);
  }

  /// Returns the request id of a response id; null if unknown.
  @Nullable String requestOf(String response) {
    return responses.get(response);
  }

  void apply(ExperimentEvent event) {
    switch (event) {
      case ExperimentEvent.Assigned assigned -> assigned(assigned);
      case ExperimentEvent.Ended ended -> ended(ended);
      case ExperimentEvent.FeedbackEvent given -> given(given);
      case ExperimentEvent.Staged staged -> stage(staged.stage());
      case ExperimentEvent.Created _,
          ExperimentEvent.Decided _,
          ExperimentEvent.Stopped _,
          ExperimentEvent.RolledBack _ -> {}
    }
  }

  private void stage(int stage) {
    stages.add(new Stage(Assignment.weights(definition, stage)));
  }

  private void assigned(ExperimentEvent.Assigned event) {
    arms.get(event.arm()).requests++;
    Stage stage = stage();
    UnitTally unit = null;
    if (event.unit() != null) {
      unit =
          units.computeIfAbsent(
              Long.parseUnsignedLong(event.unit(), 16),
              key -> {
                stage.unit(event.arm());
                return new UnitTally(event.arm(), stage);
              });
    }
    boolean moved = unit != null && unit.arm != event.arm();
    put(
        event.request(),
        new PendingRequest(
            event.arm(), unit == null || moved ? stage : unit.stage, moved ? null : unit, !moved));
  }

  private void put(String request, PendingRequest asked) {
    requests.put(request, asked);
    if (requests.size() > MOST_REQUESTS) {
      Iterator<PendingRequest> eldest = requests.values().iterator();
      for (String response : eldest.next().responses) {
        responses.remove(response);
      }
      eldest.remove();
    }
  }

  /// Drops units and requests after the end of the experiment; totals stay.
  void forget() {
    units = Map.of();
    responses = Map.of();
    requests = Map.of();
  }

  /// Returns the number of units and requests in memory.
  long remembered() {
    return (long) units.size() + requests.size() + responses.size();
  }

  private void ended(ExperimentEvent.Ended event) {
    PendingRequest asked = requests.get(event.request());
    if (asked == null) {
      return;
    }
    AnswerFacts facts = event.facts();
    if (facts.responseId() != null) {
      responses.put(facts.responseId(), event.request());
      asked.responses[event.arm() == 0 ? 0 : 1] = facts.responseId();
    }
    boolean shadow = definition.mode() == Mode.SHADOW;
    if (!shadow && asked.compared) {
      compare(asked, facts);
    }
    all(arms.get(event.arm()), facts);
    if (shadow) {
      asked.facts[event.arm()] = facts;
      if (asked.facts[0] != null && asked.facts[1] != null) {
        pairs.add(asked, asked.facts[0], asked.facts[1]);
      }
    }
  }

  private void compare(PendingRequest asked, AnswerFacts facts) {
    UnitTally unit = asked.unit;
    for (ArmMetric metric : Guardrail.EVENTS) {
      if (happened(metric, facts) && (unit == null || unit.first(metric))) {
        asked.stage.event(metric, asked.arm);
      }
    }
    if (unit == null) {
      return;
    }
    for (ArmMetric metric : ArmMetric.values()) {
      if (metric.weight(facts) > 0) {
        unit.add(metric, metric.amount(facts), metric.weight(facts));
      }
    }
    if (facts.firstTokenSeconds() != null && !facts.cold() && unit.firstTimes()) {
      arms.get(asked.arm).firstTokenOfUnits.add(facts.firstTokenSeconds());
      arms.get(asked.arm).secondsOfUnits.add(facts.seconds());
    }
  }

  private boolean happened(ArmMetric metric, AnswerFacts facts) {
    if (metric.weight(facts) == 0) {
      return false;
    }
    ArmTally first = arms.getFirst();
    return metric == ArmMetric.FIRST_TOKEN
        ? first.firstToken.count() >= FEWEST_FOR_SLOW
            && metric.amount(facts) > first.firstToken.quantile(SLOW)
        : metric.amount(facts) > 0;
  }

  private static void all(ArmTally arm, AnswerFacts facts) {
    arm.cancelled += facts.outcome() == AnswerFacts.Outcome.CANCELLED ? 1 : 0;
    arm.cold += facts.cold() ? 1 : 0;
    for (ArmMetric metric : ArmMetric.values()) {
      double weight = metric.weight(facts);
      arm.add(metric, weight > 0 ? metric.amount(facts) : 0, weight);
    }
    if (facts.firstTokenSeconds() != null && !facts.cold()) {
      arm.firstToken.add(facts.firstTokenSeconds());
      arm.seconds.add(facts.seconds());
    }
  }

  private void given(ExperimentEvent.FeedbackEvent event) {
    PendingRequest asked = requests.get(event.request());
    if (asked == null) {
      return;
    }
    ArmTally arm = arms.get(event.arm());
    if (event.score() != null) {
      int answer = definition.mode() == Mode.SHADOW ? event.arm() : 0;
      Double earlier = asked.scores[answer];
      double before = earlier == null ? 0 : earlier;
      int more = earlier == null ? 1 : 0; // a second score replaces the first
      if (earlier != null) {
        arm.thumb(before, -1);
      }
      arm.thumb(event.score(), 1);
      arm.add(ArmMetric.SCORE, event.score() - before, more);
      if (asked.unit != null && definition.mode() != Mode.SHADOW) {
        asked.unit.add(ArmMetric.SCORE, event.score() - before, more);
      }
      asked.scores[answer] = event.score();
    }
    if (event.label() != null) {
      arm.label(event.label());
    }
    if (event.preferred() != null) {
      pairs.preferred(asked, event.preferred());
    }
  }
}
