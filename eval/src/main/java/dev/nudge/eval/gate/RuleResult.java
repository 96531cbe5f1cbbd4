package dev.nudge.eval.gate;

/// What a rule comes to.
///
/// @param sentence what was found, with its numbers
/// @param value the number that was judged: a difference towards the better side, a metric, a
/// share,
///     a time; NaN: there is none
/// @param low of its interval, or its one-sided bound; infinite or NaN: not known
/// @param high likewise
/// @param limit that it was judged by
/// @param documents behind it; 0 where it is not about documents
/// @param p that the rule is kept by chance, alone; NaN: nothing was tested
/// @param adjusted p by Holm over the rules of its kind
/// @param detectable the smallest distance from the limit that would have been shown four times of
///     five; NaN: not of use
public record RuleResult(
    Rule rule,
    Verdict verdict,
    String sentence,
    double value,
    double low,
    double high,
    double limit,
    int documents,
    double p,
    double adjusted,
    double detectable) {

  /// A result without a test.
  static RuleResult plain(
      Rule rule, Verdict verdict, String sentence, double value, double limit, int documents) {
    double none = Double.NaN;
    return new RuleResult(
        rule, verdict, sentence, value, none, none, limit, documents, none, none, none);
  }
}
