package dev.nudge.server.experiments;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.format.Json;
import dev.nudge.settings.InputException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What whoever sends a wrong body reads: one line, and nothing has changed.
class MistakesTest {
  @TempDir Path folder;

  private Experiments experiments;

  @BeforeEach
  void open() {
    experiments = Experiments.open(folder, new Some.Server());
  }

  @AfterEach
  void close() {
    experiments.close();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          [] | the body is a list; an object is needed
          {} | name is missing; it is needed
          {'name': 5} | name is 5; it must be a text that is not blank
          {'name': '../x', 'arms': []} | name is "../x"; it must be 1 to 64 letters, digits, dots, dashes and underscores, a letter or digit first
          {'name': 'x', 'mod': 'ab'} | mod is no field here; did you mean mode?; there are name, mode, arms, metric, guardrails, alpha, min_sample, equivalence, salt, ramp, stage_units
          {'name': 'x', 'mode': 'abc'} | mode is "abc"; it must be one of ab, canary, shadow
          {'name': 'x'} | arms has 0 entries; mode ab needs 2 to 10, the first of them what the others are held against
          {'name': 'x', 'arms': {}} | arms is an object; it must be a list
          {'name': 'x', 'mode': 'canary', 'arms': [{}, {}, {}]} | arms has 3 entries; mode canary needs 2, the first of them what the others are held against
          {'name': 'x', 'arms': [{'adapter': 'a'}, 7]} | arms[1] is 7; an object is needed
          {'name': 'x', 'arms': [{'adapter': 'a'}, {}]} | arms[1].adapter is missing; it is needed
          {'name': 'x', 'arms': [{'adapter': 'a', 'name': 'T'}, {'adapter': 'b', 'name': 'T'}]} | arms[1].name is 'T', as that of another arm
          {'name': 'x', 'arms': [{'adapter': 'a', 'weight': 0}, {'adapter': 'b'}]} | arms[0].weight is 0; it must be a whole number from 1 to 1000000
          {'name': 'x', 'arms': [{'adapter': 'a'}, {'adapter': 'b', 'weight': 1.5}]} | arms[1].weight is 1.5; it must be a whole number from 1 to 1000000
          {'name': 'x', 'mode': 'shadow', 'arms': [{'adapter': 'a'}, {'adapter': 'b', 'weight': 101}]} | arms[1].weight is 101; it must be a whole number from 1 to 100
          {'name': 'x', 'arms': [{'adapter': 'a', 'weight': 1000000}, {'adapter': 'b'}]} | arms[1].weight is 1 of 1000001; an arm has at least 1 of 10,000 units
          {'name': 'x', 'arms': [{'adapter': 'a'}, {'adapter': 'none@champion'}]} | there is no adapter 'none'
          {'name': 'support', 'arms': [{'adapter': 'a'}, {'adapter': 'b'}]} | name is 'support'; a model or an adapter has that name, so give another
          {'name': 'x', 'arms': [{'adapter': 'a'}, {'adapter': 'b'}], 'alpha': 0} | alpha is 0; it must be a number from 0.000001 to 0.5
          {'name': 'x', 'arms': [{'adapter': 'a'}, {'adapter': 'b'}], 'alpha': '5%'} | alpha is "5%"; it must be a number from 0.000001 to 0.5
          {'name': 'x', 'arms': [{'adapter': 'a'}, {'adapter': 'b'}], 'min_sample': 5} | min_sample is 5; it must be a whole number from 20 to 1000000000
          {'name': 'x', 'arms': [{'adapter': 'a'}, {'adapter': 'b'}], 'equivalence': -1} | equivalence is -1; it must be a number above 0
          {'name': 'x', 'arms': [{'adapter': 'a'}, {'adapter': 'b'}], 'ramp': [1, 5]} | ramp is for mode canary alone; leave it out, or set mode to "canary"
          {'name': 'x', 'mode': 'canary', 'arms': [{'adapter': 'a'}, {'adapter': 'b'}], 'ramp': [5, 1]} | ramp is [5,1]; it must be whole percentages that rise, such as [1, 5, 25, 50, 100]
          {'name': 'x', 'mode': 'canary', 'arms': [{'adapter': 'a'}, {'adapter': 'b'}], 'ramp': []} | ramp is a list; it must be a list of percentages that rise
          {'name': 'x', 'arms': [{'adapter': 'a'}, {'adapter': 'b'}], 'metric': 'preferred'} | metric is "preferred"; it must be another in mode ab and canary, where each prompt has one answer
          {'name': 'x', 'mode': 'shadow', 'arms': [{'adapter': 'a'}, {'adapter': 'b'}], 'metric': 'score'} | metric is "score"; it must be preferred or length in mode shadow, whose second arm nobody sees
          {'name': 'x', 'arms': [{'adapter': 'a'}, {'adapter': 'b'}], 'guardrails': [{'metric': 'score'}]} | guardrails[0].metric is "score"; it must be one of error_rate, empty_rate, first_token, length
          {'name': 'x', 'arms': [{'adapter': 'a'}, {'adapter': 'b'}], 'guardrails': [{'metric': 'length'}, {'metric': 'length'}]} | guardrails names a metric twice; give each once
          {'name': 'x', 'arms': [{'adapter': 'a'}, {'adapter': 'b'}], 'guardrails': [{'metric': 'length', 'tolerance': -1}]} | guardrails[0].tolerance is -1; it must be a number from 0 to 100
          {'name': 'x', 'mode': 'shadow', 'arms': [{'adapter': 'a'}, {'adapter': 'b'}], 'guardrails': [{'metric': 'first_token'}]} | guardrails[0].metric is "first_token"; it must be error_rate or empty_rate in mode shadow
          """)
  void definitionsAreRefusedInOneLine(String body, String line) {
    assertThatThrownBy(() -> experiments.create(Json.parse(body.replace('\'', '"'))))
        .isInstanceOf(InputException.class)
        .hasMessage(line);
    assertThat(experiments.names()).isEmpty();
    assertThat(folder.toFile().list()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          7 | the body is 7; an object is needed
          {'score': 1} | feedback has no id; give one of request_id (the header X-Request-Id) and response_id (the answer's id)
          {'request_id': 'r', 'response_id': 'c', 'score': 1} | feedback has both ids; give one of request_id (the header X-Request-Id) and response_id (the answer's id)
          {'request_id': 'r'} | feedback says nothing; give score, thumbs, preferred, label, comment, correction or regeneration_of
          {'request_id': 'r', 'score': 1.5} | score is 1.5; it must be a number from 0 to 1
          {'request_id': 'r', 'score': true} | score is true; it must be a number from 0 to 1
          {'request_id': 'r', 'thumbs': 'sideways'} | thumbs is "sideways"; it must be up or down
          {'request_id': 'r', 'thumbs': 'up', 'score': 1} | feedback has score and thumbs; give one of them
          {'request_id': 'r', 'scor': 1} | scor is no field here; did you mean score?; there are request_id, response_id, score, thumbs, preferred, label, comment, choice, correction, regeneration_of
          {'request_id': 'r', 'preferred': 'B'} | preferred: tone is no shadow, and its prompts have one answer each; give score or thumbs
          {'response_id': 'b', 'preferred': 'C'} | preferred is 'C'; it must be A, B, the id of one of their answers to this request, or tie
          """)
  void feedbackIsRefusedInOneLine(String body, String line) {
    experiments.create(Json.parse(Some.AB.replace('\'', '"')));
    experiments.create(
        Json.parse(
            Some.AB
                .replace('\'', '"')
                .replace("tone", "shade")
                .replace("\"arms\"", "\"mode\": \"shadow\", \"arms\"")));
    experiments.route("tone", new Unit("u"), "r");
    Routed routed = requireNonNull(experiments.route("shade", new Unit("u"), "s"));
    routed.ended(routed.arm(), Some.done("a", 1));
    routed.ended(requireNonNull(routed.shadow()), Some.done("b", 1));
    assertThatThrownBy(() -> new Feedback(experiments).take(Json.parse(body.replace('\'', '"'))))
        .isInstanceOf(InputException.class)
        .hasMessage(line);
  }

  @Test
  void feedbackOnWhatNobodyKnowsIsNotFound() {
    assertThatThrownBy(
            () ->
                new Feedback(experiments)
                    .take(Json.parse("{\"response_id\": \"c\", \"score\": 1}")))
        .isInstanceOf(NoSuchException.class)
        .hasMessage(
            "response_id is 'c'; no experiment knows it: each takes feedback for its last 200,000"
                + " requests, until it ends");
    assertThatThrownBy(() -> experiments.show("x"))
        .hasMessage("there is no experiment 'x': there is none at all");
  }

  @Test
  void aClientGivesFeedbackOnItsOwnAnswersAlone() {
    experiments.create(Json.parse(Some.AB.replace('\'', '"')));
    Routed routed = requireNonNull(experiments.route("tone", new Unit("u"), "ann/r"));
    routed.ended(routed.arm(), Some.done("a", 1));
    Feedback feedback = new Feedback(experiments);
    for (String id : List.of("{\"response_id\": \"a\"", "{\"request_id\": \"r\"")) {
      AnswerFeedback said = AnswerFeedback.read(Json.parse(id + ", \"score\": 1}"));
      assertThat(feedback.take(said, "bob/")).isNull();
      assertThat(feedback.take(said, "ann/")).containsEntry("request_id", "r");
    }
  }

  @Test
  void aNameIsGivenOnce() {
    experiments.create(Json.parse(Some.AB.replace('\'', '"')));
    assertThatThrownBy(() -> experiments.create(Json.parse(Some.AB.replace('\'', '"'))))
        .isInstanceOf(InputException.class)
        .hasMessage("name is 'tone'; an experiment of that name is there, so give another");
  }

  @Test
  void longTextsAreRefused() {
    String comment = "x".repeat(10_001);
    assertThatThrownBy(
            () ->
                new Feedback(experiments)
                    .take(Json.parse("{\"request_id\": \"r\", \"comment\": \"" + comment + "\"}")))
        .hasMessage("comment has 10001 characters; at most 10000 are allowed");
  }
}
