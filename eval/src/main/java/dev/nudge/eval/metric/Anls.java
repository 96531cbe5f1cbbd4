package dev.nudge.eval.metric;

import dev.nudge.python.PythonText;
import java.util.List;
import java.util.Locale;

/// ANLS [1], average normalised Levenshtein similarity of short answers that were read from a
/// document image or a scan: a misread letter costs a part of the score, a wrong answer all of it.
///
/// With d the Levenshtein distance of prediction and reference in code points, and n the length of
/// the longer, the score is 1 − d / n if d / n is below ½, else 0; with several references the best
/// score counts. Case and the amount of white space are ignored. As in the authors' script, n
/// counts the letters in upper case (`ß` as two); two empty texts score 1.
///
/// [1] A. F. Biten et al., Scene text visual question answering, 2019.
public final class Anls implements TextMetric {
  private static final double THRESHOLD = 0.5;

  @Override
  public String key() {
    return "anls";
  }

  @Override
  public double score(String prediction, List<String> references) {
    String said = normal(prediction);
    return references.stream()
        .mapToDouble(one -> similarity(said, normal(one)))
        .max()
        .orElseThrow();
  }

  private static String normal(String text) {
    return PythonText.collapsed(PythonText.lower(text));
  }

  private static double similarity(String said, String asked) {
    int longer = Math.max(upperLength(said), upperLength(asked));
    double distance = longer == 0 ? 0 : distance(said, asked) / (double) longer;
    return distance < THRESHOLD ? 1 - distance : 0;
  }

  private static int upperLength(String text) {
    return (int) text.toUpperCase(Locale.ROOT).codePoints().count();
  }

  private static int distance(String one, String other) {
    int[] a = one.codePoints().toArray();
    int[] b = other.codePoints().toArray();
    int[] above = new int[a.length + 1]; // distances of the prefixes of a from a prefix of b
    for (int i = 0; i < above.length; i++) {
      above[i] = i;
    }
    for (int j = 0; j < b.length; j++) {
      int[] row = new int[above.length];
      row[0] = j + 1;
      for (int i = 0; i < a.length; i++) {
        int least = Math.min(above[i], Math.min(above[i + 1], row[i]));
        row[i + 1] = a[i] == b[j] ? above[i] : least + 1;
      }
      above = row;
    }
    return above[a.length];
  }
}
