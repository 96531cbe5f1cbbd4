package dev.nudge.server.experiments;

import dev.nudge.chat.FieldException;
import dev.nudge.settings.InputException;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// A user's feedback on an answer, the body of `POST /v1/feedback`.
///
/// @param id id of the request or of the response
/// @param byRequest whether `id` is the request's
/// @param score in [0, 1]; thumbs are 0 and 1
/// @param preferred an arm's name, a response id, or `tie`
/// @param choice index of the choice of the answer
/// @param correction the better answer: a text, or a message of the assistant
/// @param regenerationOf id of the answer that was regenerated to get this one
public record AnswerFeedback(
    String id,
    boolean byRequest,
    @Nullable Double score,
    @Nullable String preferred,
    @Nullable String label,
    @Nullable String comment,
    int choice,
    @Nullable JsonNode correction,
    @Nullable String regenerationOf) {
  static final String TIE = "tie";
  private static final int LONGEST_LABEL = 100; // each label has its own count
  private static final int LONGEST_COMMENT = 10_000;
  private static final int MOST_CHOICES = 1 << 16;

  /// Reads a body.
  ///
  /// @throws InputException if it is wrong
  public static AnswerFeedback read(JsonNode body) {
    CheckedFields fields =
        CheckedFields.of(
            body,
            "",
            "request_id",
            "response_id",
            "score",
            "thumbs",
            "preferred",
            "label",
            "comment",
            "choice",
            "correction",
            "regeneration_of");
    String request = fields.text("request_id");
    String response = fields.text("response_id");
    if ((request == null) == (response == null)) {
      throw new FieldException(
          "request_id",
          "feedback has %s; give one of request_id (the header X-Request-Id) and response_id (the answer's id)"
              .formatted(request == null ? "no id" : "both ids"));
    }
    Double score = fields.number("score", 0, 1, "a number from 0 to 1");
    String thumbs = fields.text("thumbs");
    if (thumbs != null) {
      if (score != null) {
        throw new FieldException("thumbs", "feedback has score and thumbs; give one of them");
      }
      score =
          switch (thumbs) {
            case "up" -> 1.0;
            case "down" -> 0.0;
            default -> throw fields.wrong("thumbs", "up or down");
          };
    }
    AnswerFeedback said =
        new AnswerFeedback(
            request != null ? request : String.valueOf(response),
            request != null,
            score,
            fields.text("preferred"),
            fields.text("label"),
            fields.text("comment"),
            fields.whole("choice", 0, 0, MOST_CHOICES),
            correction(fields),
            fields.text("regeneration_of"));
    if (longer(said.label, LONGEST_LABEL) || longer(said.comment, LONGEST_COMMENT)) {
      throw new FieldException(
          longer(said.label, LONGEST_LABEL) ? "label" : "comment",
          "feedback is too long: a label has up to %d characters, a comment up to %,d"
              .formatted(LONGEST_LABEL, LONGEST_COMMENT));
    }
    if (!said.judges() && !said.rewrites()) {
      throw new InputException(
          "feedback says nothing; give score, thumbs, preferred, label, comment, correction or"
              + " regeneration_of");
    }
    return said;
  }

  /// Whether it contains anything that an experiment counts.
  public boolean judges() {
    return score != null || preferred != null || label != null || comment != null;
  }

  /// Whether it contains anything that applies only to captured answers.
  public boolean rewrites() {
    return correction != null || regenerationOf != null || choice > 0;
  }

  /// Whether it only says which arm is better.
  public boolean prefersOnly() {
    return score == null && label == null && comment == null && !rewrites();
  }

  private static @Nullable JsonNode correction(CheckedFields fields) {
    if (!fields.has("correction")) {
      return null;
    }
    JsonNode value = fields.object().get("correction");
    boolean text = value.isString() && !value.stringValue().isBlank();
    boolean message =
        value.isObject()
            && value.path("role").asString("").equals("assistant")
            && (value.path("content").isString() || value.path("tool_calls").isArray());
    if (!text && !message) {
      throw fields.wrong("correction", "a text, or a message of the assistant");
    }
    return value;
  }

  private static boolean longer(@Nullable String text, int most) {
    return text != null && text.length() > most;
  }

  /// Converts the feedback to an event of an experiment; null if the experiment does not know the
  /// id, or another owner made the request.
  ///
  /// @param owner prefix of the ids of the client's requests
  /// @throws InputException if the feedback does not fit the experiment
  ExperimentEvent.@Nullable FeedbackEvent in(ExperimentTotals tally, String owner, long at) {
    String request = byRequest ? owner + id : tally.requestOf(id);
    PendingRequest asked = request == null ? null : tally.asked(request);
    if (request == null || asked == null || !request.startsWith(owner)) {
      return null;
    }
    boolean second = !byRequest && id.equals(asked.responses[1]);
    int arm = second && tally.definition().mode() == Mode.SHADOW ? 1 : asked.arm;
    return new ExperimentEvent.FeedbackEvent(
        request,
        arm,
        score,
        preferred == null ? null : preferred(preferred, tally.definition(), asked),
        label,
        comment,
        at);
  }

  private static int preferred(String preferred, Definition definition, PendingRequest asked) {
    if (definition.mode() != Mode.SHADOW) {
      throw new FieldException(
          "preferred",
          "preferred: %s is no shadow, and its prompts have one answer each; give score or thumbs"
              .formatted(definition.name()));
    }
    if (preferred.equals(TIE)) {
      return -1;
    }
    for (int i = 0; i < asked.responses.length; i++) {
      if (preferred.equals(asked.responses[i])
          || preferred.equals(definition.arms().get(i).name())) {
        return i;
      }
    }
    throw new FieldException(
        "preferred",
        "preferred is '%s'; it must be %s, %s, the id of one of their answers to this request, or tie"
            .formatted(
                preferred, definition.arms().get(0).name(), definition.arms().get(1).name()));
  }
}
