package dev.nudge.server.experiments;

import dev.nudge.settings.InputException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Answers `POST /v1/feedback`.
///
/// The body names a request (`request_id`, which the reply's header `X-Request-Id` has) or an
/// answer (`response_id`), and says at least one of `score` (0 to 1), `thumbs` (`up`, `down`),
/// `preferred` (of a shadow's two answers: an arm, an answer's id, `tie`), `label` and `comment`.
/// Who scores the same request again changes the score.
public final class Feedback {
  private final Experiments experiments;

  /// @param experiments who may know the request
  public Feedback(Experiments experiments) {
    this.experiments = experiments;
  }

  /// Takes one, which is on the disk when this returns.
  ///
  /// @return the body of the reply
  /// @throws InputException where the body is wrong: 400
  /// @throws NoSuchException where no experiment knows the request: 404
  /// @throws dev.nudge.settings.RunException where the disk refuses it: 500
  public Map<String, @Nullable Object> take(JsonNode body) {
    AnswerFeedback said = AnswerFeedback.read(body);
    Experiment.Taken taken = experiments.take(said);
    if (taken == null) {
      throw new NoSuchException(
          "%s is '%s'; no experiment knows it: each takes feedback for its last %,d requests, until it ends"
              .formatted(
                  said.byRequest() ? "request_id" : "response_id",
                  said.id(),
                  ExperimentTotals.MOST_REQUESTS));
    }
    Map<String, @Nullable Object> reply = new LinkedHashMap<>();
    reply.put("object", "feedback");
    reply.put("request_id", taken.request());
    reply.put("experiment", taken.experiment());
    reply.put("arm", taken.arm());
    return reply;
  }
}
