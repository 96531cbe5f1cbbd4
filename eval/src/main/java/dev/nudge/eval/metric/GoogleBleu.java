package dev.nudge.eval.metric;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// GLEU [1], the sentence score that Hugging Face evaluate calls `google_bleu`: the overlap of a
/// prediction with a reference in 1- to 4-grams, which a long answer cannot raise by saying more.
///
/// With p runs of one to four words in the prediction, r in the reference and c in common (counted
/// as multisets), the score is c / max(p, r), the lower one of precision and recall; of several
/// references the best. Without a word on both sides it is 0. Words are those of [Bleu], of which
/// blanks at a text's end are cut first.
///
/// A task's figure is the mean of its documents; evaluate's of many texts in one call divides the
/// sums.
///
/// [1] Y. Wu et al., Google's neural machine translation system, 2016, section 5.2.
public final class GoogleBleu implements TextMetric {
  private static final int ORDER = 4;

  @Override
  public String key() {
    return "google_bleu";
  }

  @Override
  public double score(String prediction, List<String> references) {
    Map<String, Integer> said = runs(prediction);
    return references.stream()
        .mapToDouble(reference -> overlap(said, runs(reference)))
        .max()
        .orElseThrow();
  }

  private static Map<String, Integer> runs(String text) {
    List<String> words = Bleu.words(text);
    Map<String, Integer> counts = new HashMap<>();
    for (int n = 1; n <= ORDER; n++) {
      counts.putAll(Ngrams.counted(Ngrams.runs(words, n)));
    }
    return counts;
  }

  private static double overlap(Map<String, Integer> said, Map<String, Integer> asked) {
    int more = Math.max(Ngrams.total(said), Ngrams.total(asked));
    return more == 0 ? 0 : Ngrams.common(said, asked) / (double) more;
  }
}
