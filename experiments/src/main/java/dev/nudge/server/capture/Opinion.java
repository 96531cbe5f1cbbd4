package dev.nudge.server.capture;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// A user's feedback on an answer.
///
/// @param id id of the request or of the answer
/// @param byRequest whether `id` is the request's
/// @param choice index of the choice of the answer
/// @param score in [0, 1]; above ½ the answer is good, below it bad
/// @param correction the better answer: a text, or a message of the assistant
/// @param regenerationOf id of the answer that was regenerated to get this one
public record Opinion(
    String id,
    boolean byRequest,
    int choice,
    @Nullable Double score,
    @Nullable String label,
    @Nullable String comment,
    @Nullable JsonNode correction,
    @Nullable String regenerationOf) {
  static final String KIND = "feedback";

  /// Returns the file's line, without the time.
  ///
  /// @param answer id of the answer
  /// @param earlier id of the answer that it replaces
  ObjectNode json(String answer, @Nullable String earlier) {
    ObjectNode line = JsonNodeFactory.instance.objectNode().put("kind", KIND);
    line.put("id", answer).put("choice", choice);
    if (score != null) {
      line.put("score", score);
    }
    if (label != null) {
      line.put("label", label);
    }
    if (comment != null) {
      line.put("comment", comment);
    }
    if (correction != null) {
      line.set("correction", correction);
    }
    if (earlier != null) {
      line.put("regeneration_of", earlier);
    }
    return line;
  }
}
