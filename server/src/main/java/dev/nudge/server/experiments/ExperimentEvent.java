package dev.nudge.server.experiments;

import dev.nudge.format.Json;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// What an experiment is told and keeps: a line of its log each, and all that it knows.
///
/// `at` is milliseconds since 1970.
sealed interface ExperimentEvent {
  String TYPE = "type";

  Map<String, Class<? extends Record>> TYPES =
      Map.of(
          "created", Created.class,
          "assigned", Assigned.class,
          "ended", Ended.class,
          "feedback", Given.class,
          "stage", Staged.class,
          "verdict", Decided.class,
          "stopped", Stopped.class,
          "rolled_back", RolledBack.class);

  /// The first line.
  record Created(int version, Definition definition, long at) implements ExperimentEvent {
    static final int VERSION = 1;
  }

  /// A request has an arm.
  ///
  /// @param unit the unit's key in hexadecimal digits; null: nobody's
  record Assigned(
      String request, int arm, @Nullable String unit, int stage, boolean shadowed, long at)
      implements ExperimentEvent {}

  /// A request has ended in an arm.
  record Ended(String request, int arm, AnswerFacts facts) implements ExperimentEvent {}

  /// Somebody said what an answer is worth.
  ///
  /// @param preferred index of the arm whose answer was preferred; −1: neither; null: not said
  record Given(
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

  /// It is known what comes of it.
  record Decided(ExperimentVerdict.State state, @Nullable Integer arm, String reason, long at)
      implements ExperimentEvent {}

  /// No more requests take part; the model of that name is this arm from now on.
  ///
  /// @param harmful the arm that is to be taken out of use; null: none
  record Stopped(int arm, String reason, @Nullable Integer harmful, long at)
      implements ExperimentEvent {}

  /// The harmful arm was taken out of use, or it failed.
  record RolledBack(@Nullable String error, long at) implements ExperimentEvent {}

  /// The event as a line of the log.
  default String line() {
    ObjectNode tree = (ObjectNode) Json.tree(this);
    for (var type : TYPES.entrySet()) {
      if (type.getValue() == getClass()) {
        tree.put(TYPE, type.getKey());
      }
    }
    return Json.line(tree);
  }

  /// Reads a line of the log.
  ///
  /// @throws JacksonException where it is none
  /// @throws IllegalArgumentException where its type is not known
  static ExperimentEvent of(String line) {
    JsonNode tree = Json.parse(line);
    Class<? extends Record> type = TYPES.get(tree.path(TYPE).asString(""));
    if (type == null) {
      throw new IllegalArgumentException("an event of type " + tree.path(TYPE));
    }
    return (ExperimentEvent) Json.record(tree, type);
  }
}
