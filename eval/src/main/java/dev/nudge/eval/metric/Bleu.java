package dev.nudge.eval.metric;

import dev.nudge.python.PythonText;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/// Corpus BLEU [1] with the defaults of sacrebleu [2]: tokenizer 13a, case-sensitive, 1- to
/// 4-grams, smoothing `exp`.
///
/// With cₙ of tₙ predicted n-grams found in a reference (each clipped to its highest count in one
/// reference), the score is
///
///     100 · b · exp( ¼ Σ ln(cₙ / tₙ) ),   b = min(1, exp(1 − r / h))
///
/// where h is the number of predicted words and r the sum of the closest reference lengths, the
/// shorter if two are equally close. The k-th order without a match counts as 1 / (2ᵏ tₙ); an
/// order without n-grams, or no match at all, makes the score 0.
///
/// Statistics of a sentence: h, r, c₁ to c₄, t₁ to t₄.
///
/// [1] K. Papineni et al., BLEU: a method for automatic evaluation of machine translation, 2002.
///
/// [2] M. Post, A call for clarity in reporting BLEU scores, 2018.
public record Bleu() implements CorpusMetric {
  private static final int ORDER = 4;

  private static final Pattern SYMBOL = Pattern.compile("([\\{-~\\[-` -\\&\\(-\\+:-@/])");
  private static final Pattern BEHIND_NO_DIGIT = Pattern.compile("([^0-9])([.,])");
  private static final Pattern BEFORE_NO_DIGIT = Pattern.compile("([.,])([^0-9])");
  private static final Pattern DASH = Pattern.compile("([0-9])(-)");

  @Override
  public int size() {
    return 2 + 2 * ORDER;
  }

  @Override
  public double[] statistics(String prediction, List<String> references) {
    List<String> words = words(prediction);
    List<List<String>> asked = references.stream().map(Bleu::words).toList();
    double[] statistics = new double[size()];
    statistics[0] = words.size();
    statistics[1] = nearest(words.size(), asked);
    for (int n = 1; n <= ORDER; n++) {
      Map<String, Integer> most = new HashMap<>();
      for (List<String> reference : asked) {
        Ngrams.counted(Ngrams.runs(reference, n))
            .forEach((run, count) -> most.merge(run, count, Math::max));
      }
      List<String> runs = Ngrams.runs(words, n);
      statistics[1 + n] = Ngrams.common(Ngrams.counted(runs), most);
      statistics[1 + ORDER + n] = runs.size();
    }
    return statistics;
  }

  private static int nearest(int length, List<List<String>> references) {
    int nearest = references.getFirst().size();
    for (List<String> reference : references) {
      int closer = Math.abs(length - nearest) - Math.abs(length - reference.size());
      if (closer > 0 || (closer == 0 && reference.size() < nearest)) {
        nearest = reference.size();
      }
    }
    return nearest;
  }

  @Override
  public double score(double[] sums) {
    double predicted = sums[0];
    double asked = sums[1];
    if (Arrays.stream(sums, 2, 2 + ORDER).allMatch(hits -> hits == 0)) {
      return 0;
    }
    double logs = 0;
    double smoothing = 1;
    for (int n = 0; n < ORDER; n++) {
      double hits = sums[2 + n];
      double runs = sums[2 + ORDER + n];
      if (runs == 0) {
        return 0;
      }
      if (hits == 0) {
        smoothing *= 2;
        logs += Math.log(100 / (smoothing * runs));
      } else {
        logs += Math.log(100 * hits / runs);
      }
    }
    double brevity = predicted < asked ? Math.exp(1 - asked / predicted) : 1;
    return brevity * Math.exp(logs / ORDER);
  }

  /// Tokenizes a text by tokenizer 13a.
  static List<String> words(String text) {
    String line =
        PythonText.stripEnd(text).replace("<skipped>", "").replace("-\n", "").replace('\n', ' ');
    line =
        line.replace("&quot;", "\"")
            .replace("&amp;", "&")
            .replace("&lt;", "<")
            .replace("&gt;", ">");
    line = SYMBOL.matcher(" " + line + " ").replaceAll(" $1 ");
    line = BEHIND_NO_DIGIT.matcher(line).replaceAll("$1 $2 ");
    line = BEFORE_NO_DIGIT.matcher(line).replaceAll(" $1 $2");
    line = DASH.matcher(line).replaceAll("$1 $2 ");
    return PythonText.split(line);
  }
}
