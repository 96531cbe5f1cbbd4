package dev.nudge.eval.metric;

import java.util.List;

/// Scores a whole corpus by sums over its sentences.
///
/// Such a score is no mean of scores of sentences: BLEU of a corpus takes the sums of all counts
/// and divides then. What is summed is kept by sentence ([#statistics]), so a bootstrap scores a
/// resample by adding a few numbers a sentence ([#score]) and reads no text again.
///
/// Pure functions; an instance holds its options only.
public sealed interface CorpusMetric permits Bleu, ChrF, Ter {

  /// How many numbers a sentence comes to.
  int size();

  /// What a sentence adds to the sums.
  ///
  /// @param references one or more; sacrebleu's `None` is a shorter list here
  double[] statistics(String prediction, List<String> references);

  /// The score of sums, from 0 to 100 (TER may be above).
  double score(double[] sums);

  /// The score of sentences.
  ///
  /// @param statistics of each sentence of a corpus
  /// @param places of those that count; one may come several times
  default double score(double[][] statistics, int[] places) {
    double[] sums = new double[size()];
    for (int place : places) {
      for (int i = 0; i < sums.length; i++) {
        sums[i] += statistics[place][i];
      }
    }
    return score(sums);
  }
}
