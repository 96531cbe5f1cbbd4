package dev.nudge.server.experiments;

import java.util.Locale;

/// The metrics of an arm, each a ratio of sums over answers, Σ amount / Σ weight. The weight is
/// tokens for a per-token metric, else answers.
public enum ArmMetric {
  /// Mean feedback score, from 0 to 1.
  SCORE(true, 0.25, "score, mean", Figure.Unit.NONE),
  /// Share of requests with a server error.
  ERROR_RATE(false, 0.25, "error rate", Figure.Unit.PERCENT),
  /// Share of empty answers.
  EMPTY_RATE(false, 0.25, "empty answer rate", Figure.Unit.PERCENT),
  /// Time to first token in seconds, without requests that waited for an adapter to load.
  FIRST_TOKEN(false, 0, "time to first token, mean", Figure.Unit.SECONDS),
  /// Time per output token after the first, in seconds.
  SECONDS_PER_TOKEN(false, 0, "time per output token, mean", Figure.Unit.SECONDS),
  /// Generated tokens per answer.
  LENGTH(false, 0, "output tokens, mean", Figure.Unit.NONE),
  /// Win rate: which of two answers to a prompt users prefer.
  PREFERRED(true, 0, "win rate", Figure.Unit.PERCENT);

  private final boolean moreIsBetter;
  private final double prior;
  private final Figure figure;

  ArmMetric(boolean moreIsBetter, double prior, String name, Figure.Unit unit) {
    this.moreIsBetter = moreIsBetter;
    this.prior = prior;
    this.figure = new Figure(name, unit);
  }

  /// Returns the metric's name and unit in reports.
  Figure figure() {
    return figure;
  }

  /// Whether larger values are better.
  public boolean moreIsBetter() {
    return moreIsBetter;
  }

  /// Returns the variance of the pseudo-unit in [dev.nudge.eval.Clusters#ratio].
  double prior() {
    return prior;
  }

  /// Returns the name in settings: `error_rate`.
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// Returns an answer's contribution to the weight; 0 if it does not count.
  double weight(AnswerFacts facts) {
    boolean done = facts.outcome() == AnswerFacts.Outcome.DONE;
    return switch (this) {
      case ERROR_RATE -> facts.outcome() == AnswerFacts.Outcome.CANCELLED ? 0 : 1;
      case EMPTY_RATE, LENGTH -> done ? 1 : 0;
      case FIRST_TOKEN -> facts.firstTokenSeconds() != null && !facts.cold() ? 1 : 0;
      case SECONDS_PER_TOKEN ->
          done && facts.firstTokenSeconds() != null ? Math.max(0, facts.completionTokens() - 1) : 0;
      case SCORE, PREFERRED -> 0; // counted from feedback
    };
  }

  /// Returns an answer's contribution to the amount.
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
