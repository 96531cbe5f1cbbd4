package dev.nudge.eval.metric;

import dev.nudge.python.PythonText;
import java.util.List;
import java.util.Map;

/// Scores short answers as the script of SQuAD 1.1 does [1]: the best over the references, in lower
/// case, without the punctuation of ASCII, the words a, an and the, and blanks that say nothing.
///
/// F1 is that of two multisets of words: with c words in common, precision is c over the words of
/// the prediction, recall c over those of the reference, F1 their harmonic mean. Without a common
/// word it is 0, of two empty answers too: so says the script.
///
/// [1] P. Rajpurkar et al., SQuAD: 100,000+ questions for machine comprehension of text, 2016.
public final class SquadF1 {
  private SquadF1() {}

  /// The best F1 over the references, from 0 to 1.
  public static double f1(String prediction, List<String> references) {
    if (references.isEmpty()) {
      throw new IllegalArgumentException("a prediction needs a reference to be compared with");
    }
    String said = normal(prediction);
    return references.stream().mapToDouble(asked -> f1(said, normal(asked))).max().orElse(0);
  }

  private static double f1(String said, String asked) {
    List<String> saidWords = PythonText.split(said);
    List<String> askedWords = PythonText.split(asked);
    Map<String, Integer> counts = Ngrams.counted(saidWords);
    int common = Ngrams.common(counts, Ngrams.counted(askedWords));
    if (common == 0) {
      return 0;
    }
    double precision = common / (double) saidWords.size();
    double recall = common / (double) askedWords.size();
    return 2 * precision * recall / (precision + recall);
  }

  /// The text as it is compared.
  static String normal(String text) {
    String words = PythonText.without(PythonText.lower(text), PythonText.PUNCTUATION);
    return PythonText.collapsed(Ngrams.ARTICLE.matcher(words).replaceAll(" "));
  }
}
