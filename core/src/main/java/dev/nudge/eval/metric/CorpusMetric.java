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

  /// What each sentence of a corpus adds.
  ///
  /// @param references of each prediction; sacrebleu has them the other way round, a list of first
  ///     references, a list of second ones
  default double[][] statistics(List<String> predictions, List<List<String>> references) {
    if (predictions.size() != references.size()) {
      throw new IllegalArgumentException(
          predictions.size()
              + " predictions have "
              + references.size()
              + " lists of references; there must be one a prediction");
    }
    if (predictions.isEmpty()) {
      throw new IllegalArgumentException("a corpus without a prediction has no score");
    }
    double[][] statistics = new double[predictions.size()][];
    for (int i = 0; i < statistics.length; i++) {
      if (references.get(i).isEmpty()) {
        throw new IllegalArgumentException("prediction " + i + " has no reference");
      }
      statistics[i] = statistics(predictions.get(i), references.get(i));
    }
    return statistics;
  }

  /// The score of a corpus.
  default double of(List<String> predictions, List<List<String>> references) {
    double[] sums = new double[size()];
    for (double[] sentence : statistics(predictions, references)) {
      for (int i = 0; i < sums.length; i++) {
        sums[i] += sentence[i];
      }
    }
    return score(sums);
  }
}
