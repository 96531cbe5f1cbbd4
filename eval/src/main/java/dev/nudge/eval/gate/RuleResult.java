package dev.nudge.eval.gate;

/// The result of one rule.
///
/// @param sentence the finding with its numbers
/// @param value the judged number: a difference towards the better side, a metric, a proportion or
///     a time; NaN if there is none
/// @param low lower end of the interval, or the one-sided bound; infinite or NaN: unknown
/// @param high upper end, likewise
/// @param limit the threshold of the rule
/// @param documents number of documents; 0 if the rule is not about documents
/// @param p unadjusted p-value; NaN if nothing was tested
/// @param adjusted p after Holm's correction over the rules of its kind
/// @param detectable smallest distance from the limit that is detected with 80 % power; NaN: not
///     applicable
/// @param before the metric without the adapter; NaN: the rule does not compare with it
/// @param after the metric with the adapter; NaN: the rule is not about a metric
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
    double detectable,
    double before,
    double after) {

  /// Returns a result without a test.
  static RuleResult plain(
      Rule rule, Verdict verdict, String sentence, double value, double limit, int documents) {
    double none = Double.NaN;
    double after = rule instanceof Rule.Limit ? value : none;
    return new RuleResult(
        rule, verdict, sentence, value, none, none, limit, documents, none, none, none, none,
        after);
  }
}
