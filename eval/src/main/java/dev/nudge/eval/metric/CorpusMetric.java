package dev.nudge.eval.metric;

import java.util.List;

/// A corpus-level metric, computed from sums of per-sentence statistics (sufficient statistics).
///
/// Corpus BLEU is not the mean of sentence scores: counts are summed first and divided last.
/// [#statistics] of each sentence are kept, so a bootstrap resample is scored by adding numbers
/// ([#score]) without reading text again.
///
/// Stateless; an instance holds options only.
public sealed interface CorpusMetric permits Bleu, ChrF, Ter {

  /// The number of statistics per sentence.
  int size();

  /// The statistics of one sentence.
  ///
  /// @param references one or more; a `None` of sacrebleu is left out
  double[] statistics(String prediction, List<String> references);

  /// The score of summed statistics, from 0 to 100 (TER may exceed 100).
  double score(double[] sums);

  /// The score of selected sentences of a corpus.
  ///
  /// @param statistics of each sentence of the corpus
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
