package dev.nudge.server.experiments;

import java.util.Locale;

/// What is measured of the answers of an arm. Each is a ratio of sums over answers, amount /
/// weight: tokens weigh where the unit is a token, answers elsewhere.
public enum ArmMetric {
  /// Mean score that feedback gave, from 0 to 1.
  SCORE(true, 0.25, "score, mean", Figure.Unit.NONE),
  /// Share of requests that failed on the server's side.
  ERROR_RATE(false, 0.25, "error rate", Figure.Unit.PERCENT),
  /// Share of answers without a character.
  EMPTY_RATE(false, 0.25, "empty answer rate", Figure.Unit.PERCENT),
  /// Seconds to the first token; requests that waited for an adapter to load are left out.
  FIRST_TOKEN(false, 0, "time to first token, mean", Figure.Unit.SECONDS),
  /// Seconds a token behind the first.
  SECONDS_PER_TOKEN(false, 0, "time per output token, mean", Figure.Unit.SECONDS),
  /// Tokens an answer.
  LENGTH(false, 0, "output tokens, mean", Figure.Unit.NONE),
  /// Which of two answers to the same prompt was preferred.
  PREFERRED(true, 0, "win rate", Figure.Unit.PERCENT);

  private final boolean moreIsBetter;
  private final double prior;
  private final Figure figure;

  ArmMetric(boolean moreIsBetter, double prior, String name, Figure.Unit unit) {
    this.moreIsBetter = moreIsBetter;
    this.prior = prior;
    this.figure = new Figure(name, unit);
  }

  /// How its value is named and written.
  Figure figure() {
    return figure;
  }

  /// Whether a larger value is the better one.
  public boolean moreIsBetter() {
    return moreIsBetter;
  }

  /// The variance that is taken to have been seen once, as in [dev.nudge.eval.Clusters#ratio].
  double prior() {
    return prior;
  }

  /// The name that users write: `error_rate`.
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// What an answer counts; 0 where it does not.
  double weight(AnswerFacts facts) {
    boolean done = facts.outcome() == AnswerFacts.Outcome.DONE;
    return switch (this) {
      case ERROR_RATE -> facts.outcome() == AnswerFacts.Outcome.CANCELLED ? 0 : 1;
      case EMPTY_RATE, LENGTH -> done ? 1 : 0;
      case FIRST_TOKEN -> facts.firstTokenSeconds() != null && !facts.cold() ? 1 : 0;
      case SECONDS_PER_TOKEN ->
          done && facts.firstTokenSeconds() != null ? Math.max(0, facts.completionTokens() - 1) : 0;
      case SCORE, PREFERRED -> 0; // feedback says
    };
  }

  /// What an answer adds to the sum.
  double amount(AnswerFacts facts) {
    double first = facts.firstTokenSeconds() == null ? 0 : facts.firstTokenSeconds();
    return switch (this) {
      case ERROR_RATE -> facts.outcome() == AnswerFacts.Outcome.FAILED ? 1 : 0;
      case EMPTY_RATE -> facts.empty() ? 1 : 0;
      case FIRST_TOKEN -> first;
      case SECONDS_PER_TOKEN -> Math.max(0, facts.seconds() - first);
      case LENGTH -> facts.completionTokens();
      case SCORE, PREFERRED -> 0;
    };
  }
}
