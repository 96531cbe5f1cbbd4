package dev.nudge.eval.metric;

import dev.nudge.python.PythonText;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// Corpus chrF [1], an F-score of character n-grams, with the defaults of sacrebleu: 1- to 6-grams
/// of code points, white space removed, case-sensitive, β = 2.
///
/// Precision and recall are means over the n-gram orders that both texts have, each from corpus
/// sums, and with β = 2
///
///     100 · (1 + β²) P R / (β² P + R)
///
/// Word order 2 adds word 1- and 2-grams and is called chrF++ [2]; a punctuation mark at the end of
/// a word, or else at its start, is a separate word. With several references the one with the best
/// sentence score counts.
///
/// Statistics of a sentence, for each order: n-grams of the prediction, n-grams of the reference,
/// matches.
///
/// [1] M. Popović, chrF: character n-gram F-score for automatic MT evaluation, 2015. [2] M.
/// Popović, chrF++: words helping character n-grams, 2017.
///
/// @param wordOrder largest order of word n-grams; 0 for chrF, 2 for chrF++
public record ChrF(int wordOrder) implements CorpusMetric {
  private static final int CHARACTERS = 6;
  private static final double BETA_SQUARED = 4;

  public ChrF {
    if (wordOrder < 0) {
      throw new IllegalArgumentException("word order " + wordOrder + " is below 0");
    }
  }

  @Override
  public int size() {
    return 3 * (CHARACTERS + wordOrder);
  }

  @Override
  public double[] statistics(String prediction, List<String> references) {
    List<Map<String, Integer>> runs = runs(prediction);
    double[] best = new double[size()];
    double bestScore = -1;
    for (String reference : references) {
      double[] statistics = compared(runs, runs(reference));
      double score = score(statistics);
      if (score > bestScore) {
        best = statistics;
        bestScore = score;
      }
    }
    return best;
  }

  private double[] compared(List<Map<String, Integer>> said, List<Map<String, Integer>> asked) {
    double[] statistics = new double[size()];
    for (int order = 0; order < said.size(); order++) {
      int askedRuns = Ngrams.total(asked.get(order));
      // n-grams longer than the reference do not reduce precision
      statistics[3 * order] = askedRuns == 0 ? 0 : Ngrams.total(said.get(order));
      statistics[3 * order + 1] = askedRuns;
      statistics[3 * order + 2] = Ngrams.common(said.get(order), asked.get(order));
    }
    return statistics;
  }

  @Override
  public double score(double[] sums) {
    double precision = 0;
    double recall = 0;
    int orders = 0;
    for (int i = 0; i < sums.length; i += 3) {
      if (sums[i] > 0 && sums[i + 1] > 0) {
        precision += sums[i + 2] / sums[i];
        recall += sums[i + 2] / sums[i + 1];
        orders++;
      }
    }
    if (precision + recall == 0) {
      return 0;
    }
    precision /= orders;
    recall /= orders;
    return 100 * ((1 + BETA_SQUARED) * precision * recall / (BETA_SQUARED * precision + recall));
  }

  private List<Map<String, Integer>> runs(String text) {
    List<Map<String, Integer>> runs = new ArrayList<>();
    String joined = String.join("", PythonText.split(text));
    int[] starts = starts(joined);
    for (int n = 1; n <= CHARACTERS; n++) {
      List<String> ofLength = new ArrayList<>();
      for (int i = 0; i + n < starts.length; i++) {
        ofLength.add(joined.substring(starts[i], starts[i + n]));
      }
      runs.add(Ngrams.counted(ofLength));
    }
    List<String> words = wordOrder == 0 ? List.of() : words(text);
    for (int n = 1; n <= wordOrder; n++) {
      runs.add(Ngrams.counted(Ngrams.runs(words, n)));
    }
    return runs;
  }

  /// Returns the offset of each code point, and the end of the text.
  private static int[] starts(String text) {
    int[] starts = new int[text.codePointCount(0, text.length()) + 1];
    for (int i = 1; i < starts.length; i++) {
      starts[i] = text.offsetByCodePoints(starts[i - 1], 1);
    }
    return starts;
  }

  private static List<String> words(String text) {
    List<String> words = new ArrayList<>();
    for (String word : PythonText.split(text)) {
      int last = word.length() - 1;
      if (last == 0 || word.codePointCount(0, word.length()) == 1) {
        words.add(word);
      } else if (PythonText.PUNCTUATION.indexOf(word.charAt(last)) >= 0) {
        words.add(word.substring(0, last));
        words.add(word.substring(last));
      } else if (PythonText.PUNCTUATION.indexOf(word.charAt(0)) >= 0) {
        words.add(word.substring(0, 1));
        words.add(word.substring(1));
      } else {
        words.add(word);
      }
    }
    return words;
  }
}
