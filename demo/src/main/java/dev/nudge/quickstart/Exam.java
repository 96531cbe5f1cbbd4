package dev.nudge.quickstart;

import dev.nudge.format.OutFolder;
import dev.nudge.generate.Generation;
import dev.nudge.generate.Session;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.verb.SamplingSettings;
import dev.nudge.world.Grader;
import dev.nudge.world.JsonlRows;
import dev.nudge.world.SupportTicket;
import dev.nudge.world.World;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/// The training rows and the held-out test cases of the quickstart, equal in every run, with
/// generation and grading of the test.
///
/// @param training training cases
/// @param test held-out cases
record Exam(List<SupportTicket> training, List<SupportTicket> test) {
  private static final World WORLD = new World(0);
  private static final int MOST_TOKENS = 96; // tokens of an answer; most have about 50
  private static final SamplingSettings GREEDY =
      SamplingSettings.greedy().withStop("\n").withMaxTokens(MOST_TOKENS);

  /// Draws training cases and held-out cases.
  static Exam draw(int rows, int cases) {
    return new Exam(WORLD.training(rows), WORLD.test(cases));
  }

  /// Returns the zero-shot prompts of the held-out cases.
  List<String> prompts() {
    return prompts(test);
  }

  private static List<String> prompts(List<SupportTicket> tickets) {
    return tickets.stream().map(SupportTicket::prompt).toList();
  }

  private static List<String> right(List<SupportTicket> tickets) {
    return tickets.stream().map(SupportTicket::completion).toList();
  }

  /// Returns few-shot prompts of the held-out cases, with examples from `training`.
  List<String> fewShot() {
    return WORLD.fewShot(test, training);
  }

  /// Checks that the longest prompt and its answer fit into the context length.
  ///
  /// @throws InputException if they do not
  void check(Session session) {
    int longest =
        fewShot().stream().mapToInt(prompt -> session.encode(prompt).length).max().orElse(0);
    if (longest + MOST_TOKENS > session.maxLength()) {
      throw new InputException(
          "the quickstart's prompts and answers take up to %d tokens of this model's tokenizer, and it allows %d; give --model a model with more room"
              .formatted(longest + MOST_TOKENS, session.maxLength()));
    }
  }

  /// Writes the training rows, and the test rows for `generate --data`.
  void write(Workplace place) {
    try {
      JsonlRows.write(place.rows(), prompts(training), right(training));
      JsonlRows.write(place.path("test.jsonl"), prompts(), right(test));
      JsonlRows.write(place.path("few-shot.jsonl"), fewShot(), right(test));
    } catch (IOException e) {
      throw new RunException("cannot write " + place.rows() + ": " + OutFolder.reason(e), e);
    }
  }

  /// Generates an answer to each prompt, greedily, up to a line break.
  ///
  /// @param events receives an event after each answer
  /// @throws CancellationException once `cancelled`
  static List<String> answers(
      Session session,
      List<String> prompts,
      int threads,
      Consumer<Chapter> events,
      BooleanSupplier cancelled) {
    List<String> answers = new ArrayList<>();
    new Generation(session, GREEDY)
        .complete(
            prompts,
            (completion, i) -> {
              if (cancelled.getAsBoolean()) {
                throw new CancellationException();
              }
              answers.add(completion.text());
              events.accept(new Chapter.Answered(answers.size(), prompts.size()));
            });
    return answers;
  }

  /// Grades the answers to the held-out cases.
  List<Grader.Grade> grade(List<String> answers) {
    List<Grader.Grade> grades = new ArrayList<>();
    for (int i = 0; i < answers.size(); i++) {
      grades.add(grade(test.get(i), answers.get(i)));
    }
    return grades;
  }

  static Grader.Grade grade(SupportTicket ticket, String answer) {
    return Grader.of(ticket.completion()).grade(answer);
  }
}
