package dev.nudge.eval.metric;

import dev.nudge.python.PythonText;
import java.util.List;
import java.util.Map;

/// SQuAD 1.1 token F1 [1] of short answers: the best over the references, after lower-casing and
/// dropping ASCII punctuation, the articles a, an, the, and extra white space.
///
/// F1 is that of two multisets of words: with c words in common, precision is c over the predicted
/// words, recall c over the reference words. Without a common word it is 0, for two empty answers
/// too, as in the original script.
///
/// [1] P. Rajpurkar et al., SQuAD: 100,000+ questions for machine comprehension of text, 2016.
public final class SquadF1 implements TextMetric {
  @Override
  public String key() {
    return "squad_f1";
  }

  @Override
  public double score(String prediction, List<String> references) {
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

  /// Normalises a text for comparison.
  static String normal(String text) {
    String words = PythonText.without(PythonText.lower(text), PythonText.PUNCTUATION);
    return PythonText.collapsed(Ngrams.ARTICLE.matcher(words).replaceAll(" "));
  }
}
