package dev.nudge.server.experiments;

import dev.nudge.format.Json;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// An event of an experiment, one line of its log.
///
/// `at` is Unix time in milliseconds.
sealed interface ExperimentEvent {
  String TYPE = "type";

  Map<String, Class<? extends Record>> TYPES =
      Map.of(
          "created", Created.class,
          "assigned", Assigned.class,
          "ended", Ended.class,
          "feedback", FeedbackEvent.class,
          "stage", Staged.class,
          "verdict", Decided.class,
          "stopped", Stopped.class,
          "rolled_back", RolledBack.class);

  /// The experiment was created; the first line.
  record Created(int version, Definition definition, long at) implements ExperimentEvent {
    static final int VERSION = 1;
  }

  /// A request was assigned to an arm.
  ///
  /// @param unit the unit's key in hexadecimal digits; null: no unit
  record Assigned(
      String request, int arm, @Nullable String unit, int stage, boolean shadowed, long at)
      implements ExperimentEvent {}

  /// A request has ended.
  record Ended(String request, int arm, AnswerFacts facts) implements ExperimentEvent {}

  /// Feedback on an answer.
  ///
  /// @param preferred index of the preferred arm; −1: tie; null: not given
  record FeedbackEvent(
      String request,
      int arm,
      @Nullable Double score,
      @Nullable Integer preferred,
      @Nullable String label,
      @Nullable String comment,
      long at)
      implements ExperimentEvent {}

  /// The canary's next stage begins.
  record Staged(int stage, long at) implements ExperimentEvent {}

  /// The stopping rule reached a verdict.
  record Decided(ExperimentVerdict.State state, @Nullable Integer arm, String reason, long at)
      implements ExperimentEvent {}

  /// The experiment stopped; this arm answers for its model name from now on.
  ///
  /// @param harmful index of the arm to roll back; null: none
  record Stopped(int arm, String reason, @Nullable Integer harmful, long at)
      implements ExperimentEvent {}

  /// The harmful arm was rolled back, or the rollback failed.
  record RolledBack(@Nullable String error, long at) implements ExperimentEvent {}

  /// Returns the event as a log line.
  default String line() {
    ObjectNode tree = (ObjectNode) Json.tree(this);
    for (var type : TYPES.entrySet()) {
      if (type.getValue() == getClass()) {
        tree.put(TYPE, type.getKey());
      }
    }
    return Json.line(tree);
  }

  /// Parses a log line.
  ///
  /// @throws JacksonException if the line is malformed
  /// @throws IllegalArgumentException if the event type is unknown
  static ExperimentEvent of(String line) {
    JsonNode tree = Json.parse(line);
    Class<? extends Record> type = TYPES.get(tree.path(TYPE).asString(""));
    if (type == null) {
      throw new IllegalArgumentException("an event of type " + tree.path(TYPE));
    }
    return (ExperimentEvent) Json.record(tree, type);
  }
}
