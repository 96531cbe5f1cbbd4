package dev.nudge.eval.metric;

import dev.nudge.python.PythonText;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Corpus TER (translation edit rate) [1]: edits from prediction to reference per 100 reference
/// words; lower is better. With the defaults of sacrebleu: words are separated by white space,
/// lower-cased, punctuation kept.
///
/// An edit inserts, deletes or substitutes a word, or shifts a phrase ([TerShifts]). Of several
/// references the one with the fewest edits counts, and the length is their mean. If the
/// references are empty the score is 100, or 0 if the prediction is empty too.
///
/// Statistics of a sentence: edits, words of the reference.
///
/// [1] M. Snover et al., A study of translation edit rate with targeted human annotation, 2006.
public record Ter() implements CorpusMetric {
  @Override
  public int size() {
    return 2;
  }

  @Override
  public double[] statistics(String prediction, List<String> references) {
    Map<String, Integer> numbers = new HashMap<>();
    int[] words = words(prediction, numbers);
    int fewest = Integer.MAX_VALUE;
    double length = 0;
    for (String reference : references) {
      int[] asked = words(reference, numbers);
      fewest = Math.min(fewest, new TerShifts(asked).edits(words));
      length += asked.length;
    }
    return new double[] {fewest, length / references.size()};
  }

  /// Word ids; equal words have equal ids.
  private static int[] words(String text, Map<String, Integer> numbers) {
    List<String> words = PythonText.split(PythonText.lower(PythonText.stripEnd(text)));
    return words.stream()
        .mapToInt(word -> numbers.computeIfAbsent(word, w -> numbers.size()))
        .toArray();
  }

  @Override
  public double score(double[] sums) {
    if (sums[1] > 0) {
      return 100 * (sums[0] / sums[1]);
    }
    return sums[0] > 0 ? 100 : 0;
  }
}
