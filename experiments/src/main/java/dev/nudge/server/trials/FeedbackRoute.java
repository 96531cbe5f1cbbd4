package dev.nudge.server.trials;

import dev.nudge.format.Json;
import dev.nudge.server.Routes;
import dev.nudge.server.capture.Capture;
import dev.nudge.server.capture.Opinion;
import dev.nudge.server.experiments.AnswerFeedback;
import dev.nudge.server.experiments.Experiments;
import dev.nudge.server.experiments.Feedback;
import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Exchange;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// `POST /v1/feedback`: records a user's feedback in the answer's experiment and in the captured
/// answers. A client can rate only its own answers.
///
/// @param experiments experiments of the server; null: none
/// @param capture captured answers; null: answers are not captured
record FeedbackRoute(@Nullable Experiments experiments, @Nullable Capture capture)
    implements Routes.Handler {

  @Override
  public void handle(Exchange exchange) {
    if (experiments == null && capture == null) {
      throw ApiException.wrong(
          null,
          "this server takes no feedback; start it with --capture FOLDER or --experiments FOLDER");
    }
    AnswerFeedback said = AnswerFeedback.read(exchange.body().body());
    if (capture == null && said.rewrites()) {
      throw ApiException.wrong(
          null,
          "choice, correction and regeneration_of are about captured answers; start the server with"
              + " --capture FOLDER");
    }
    Map<String, @Nullable Object> reply = new LinkedHashMap<>();
    reply.put("object", "feedback");
    boolean kept = capture != null && keep(exchange, capture, said, reply); // refuses errors
    boolean counted = experiments != null && count(exchange, experiments, said, reply);
    if (!counted && !kept) {
      String unknown =
          capture == null
              ? String.valueOf(Feedback.unknown(said).getMessage())
              : "%s is '%s'; no answer of this client that takes feedback has that id"
                  .formatted(said.byRequest() ? "request_id" : "response_id", said.id());
      throw new ApiException(404, "invalid_request_error", null, "not_found", 0, unknown);
    }
    if (capture != null) {
      reply.put("captured", kept);
    }
    exchange.reply(200, "application/json", Json.line(reply));
  }

  /// Records the feedback in the request's experiment; false: no experiment knows it.
  private static boolean count(
      Exchange exchange,
      Experiments experiments,
      AnswerFeedback said,
      Map<String, @Nullable Object> reply) {
    Map<String, @Nullable Object> counted =
        said.judges() ? new Feedback(experiments).take(said, ArmHandler.own(exchange, "")) : null;
    if (counted == null) {
      return false;
    }
    reply.putAll(counted);
    return true;
  }

  /// Stores it with the captured answer; false: there is none, or it only prefers an arm.
  private static boolean keep(
      Exchange exchange,
      Capture capture,
      AnswerFeedback said,
      Map<String, @Nullable Object> reply) {
    if (said.prefersOnly()) {
      return false;
    }
    Capture.RatedAnswer taken =
        capture.take(
            exchange.client().name(),
            new Opinion(
                said.id(),
                said.byRequest(),
                said.choice(),
                said.score(),
                said.label(),
                said.comment(),
                said.correction(),
                said.regenerationOf()));
    if (taken == null) {
      return false;
    }
    reply.put("request_id", taken.request());
    reply.put("adapter", taken.adapter());
    return true;
  }
}
