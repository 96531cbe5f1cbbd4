package dev.nudge.server.experiments;

import dev.nudge.settings.InputException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Handles `POST /v1/feedback`: a user's score, preference or comment on an answer.
///
/// The body names a request (`request_id`, from the response header `X-Request-Id`) or a response
/// (`response_id`), and at least one of `score` (0 to 1), `thumbs` (`up`, `down`), `preferred`
/// (for a shadow pair: an arm, a response id, `tie`), `label` and `comment`. A second score
/// replaces the first.
public final class Feedback {
  private final Experiments experiments;

  /// @param experiments experiments that may know the request
  public Feedback(Experiments experiments) {
    this.experiments = experiments;
  }

  /// Records feedback; it is on disk on return.
  ///
  /// @return the body of the reply
  /// @throws InputException if the body is wrong: 400
  /// @throws NoSuchException if no experiment knows the request: 404
  /// @throws dev.nudge.settings.RunException on a write error: 500
  public Map<String, @Nullable Object> take(JsonNode body) {
    AnswerFeedback said = AnswerFeedback.read(body);
    Map<String, @Nullable Object> reply = take(said, "");
    if (reply == null) {
      throw unknown(said);
    }
    return reply;
  }

  /// Makes the error for feedback on a request that no experiment knows.
  public static NoSuchException unknown(AnswerFeedback said) {
    return new NoSuchException(
        "%s is '%s'; no experiment knows it: each takes feedback for its last %,d requests, until it ends"
            .formatted(
                said.byRequest() ? "request_id" : "response_id",
                said.id(),
                ExperimentTotals.MOST_REQUESTS));
  }

  /// Records feedback; it is on disk on return.
  ///
  /// @param owner prefix of the ids of the client's requests; a client can rate only its own
  ///     answers
  /// @return the body of the reply; null if no experiment knows the request
  public @Nullable Map<String, @Nullable Object> take(AnswerFeedback said, String owner) {
    Experiment.AcceptedFeedback taken = experiments.take(said, owner);
    if (taken == null) {
      return null;
    }
    Map<String, @Nullable Object> reply = new LinkedHashMap<>();
    reply.put("object", "feedback");
    reply.put("request_id", taken.request().substring(owner.length()));
    reply.put("experiment", taken.experiment());
    reply.put("arm", taken.arm());
    return reply;
  }
}
