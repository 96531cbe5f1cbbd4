package dev.nudge.eval.metric;

import java.util.List;

/// A corpus-level metric, computed from sums of per-sentence statistics (sufficient statistics).
///
/// Corpus BLEU is not the mean of sentence scores: counts are summed first and divided last. The
/// [#statistics] of each sentence are kept, so a bootstrap resample is scored by summing them
/// ([#score]), without processing text again.
///
/// Stateless; an instance holds options only.
public sealed interface CorpusMetric permits Bleu, ChrF, Ter {

  /// Returns the number of statistics per sentence.
  int size();

  /// Returns the statistics of one sentence.
  ///
  /// @param references one or more; omit what is `None` in sacrebleu
  double[] statistics(String prediction, List<String> references);

  /// Returns the score of summed statistics, from 0 to 100 (TER may exceed 100).
  double score(double[] sums);

  /// Returns the score of selected sentences of a corpus.
  ///
  /// @param statistics statistics of each sentence of the corpus
  /// @param places indices of the sentences; an index may repeat
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
