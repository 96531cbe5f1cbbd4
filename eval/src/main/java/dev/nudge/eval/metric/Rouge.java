package dev.nudge.eval.metric;

import dev.nudge.python.PythonText;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// ROUGE [1]: n-gram and longest-common-subsequence overlap with a reference, with the numbers of
/// Google's `rouge_score`.
///
/// Tokens are runs of `a` to `z` and `0` to `9` after lower-casing, so a text in another script
/// has none and scores 0. With stemming, tokens of more than three characters are stemmed
/// ([PorterStemmer]); Hugging Face evaluate does not stem by default, HELM does, so report the
/// setting.
///
/// ROUGE-N counts N-grams as multisets; ROUGE-L takes the longest common subsequence (LCS);
/// ROUGE-Lsum (one sentence per line) the union of the LCS of a reference sentence with each
/// predicted one, each token clipped to its count in both texts. Precision is matches over
/// predicted tokens or n-grams, recall matches over those of the reference, F their harmonic mean.
///
/// [1] C.-Y. Lin, ROUGE: a package for automatic evaluation of summaries, 2004.
public enum Rouge implements TextMetric {
  ONE("rouge1"),
  TWO("rouge2"),
  L("rougeL"),
  L_SUM("rougeLsum");

  private final String key;

  Rouge(String key) {
    this.key = key;
  }

  @Override
  public String key() {
    return key;
  }

  /// Returns the best F over the references, of stemmed tokens.
  @Override
  public double score(String prediction, List<String> references) {
    return best(prediction, references, true).f1();
  }

  /// Precision, recall and F, each from 0 to 1.
  public record Score(double precision, double recall, double f1) {
    private static Score of(int hits, int predicted, int asked) {
      double precision = hits / (double) Math.max(predicted, 1);
      double recall = hits / (double) Math.max(asked, 1);
      double sum = precision + recall;
      return new Score(precision, recall, sum > 0 ? 2 * precision * recall / sum : 0);
    }
  }

  /// Scores a prediction against one reference.
  ///
  /// @param stem whether tokens are stemmed
  public Score score(String prediction, String reference, boolean stem) {
    return switch (this) {
      case ONE -> runs(tokens(prediction, stem), tokens(reference, stem), 1);
      case TWO -> runs(tokens(prediction, stem), tokens(reference, stem), 2);
      case L -> longest(tokens(prediction, stem), tokens(reference, stem));
      case L_SUM -> union(sentences(prediction, stem), sentences(reference, stem));
    };
  }

  /// Scores a prediction against the reference with the highest F (the first of equal ones).
  public Score best(String prediction, List<String> references, boolean stem) {
    if (references.isEmpty()) {
      throw new IllegalArgumentException("a prediction needs a reference to be compared with");
    }
    Score best = score(prediction, references.getFirst(), stem);
    for (String reference : references.subList(1, references.size())) {
      Score score = score(prediction, reference, stem);
      best = score.f1 > best.f1 ? score : best;
    }
    return best;
  }

  private static Score runs(List<String> predicted, List<String> asked, int n) {
    List<String> predictedRuns = Ngrams.runs(predicted, n);
    List<String> askedRuns = Ngrams.runs(asked, n);
    int hits = Ngrams.common(Ngrams.counted(askedRuns), Ngrams.counted(predictedRuns));
    return Score.of(hits, predictedRuns.size(), askedRuns.size());
  }

  private static Score longest(List<String> predicted, List<String> asked) {
    int[] above = new int[predicted.size() + 1]; // the length alone needs only two rows
    for (String token : asked) {
      int[] row = new int[above.length];
      for (int j = 1; j < row.length; j++) {
        row[j] =
            token.equals(predicted.get(j - 1)) ? above[j - 1] + 1 : Math.max(above[j], row[j - 1]);
      }
      above = row;
    }
    return Score.of(above[predicted.size()], predicted.size(), asked.size());
  }

  private static Score union(List<List<String>> predicted, List<List<String>> asked) {
    Map<String, Integer> predictedLeft = counts(predicted);
    Map<String, Integer> askedLeft = counts(asked);
    int hits = 0;
    for (List<String> sentence : asked) {
      BitSet common = new BitSet();
      predicted.forEach(other -> mark(common, sentence, other));
      for (int i = common.nextSetBit(0); i >= 0; i = common.nextSetBit(i + 1)) {
        String token = sentence.get(i);
        if (predictedLeft.getOrDefault(token, 0) > 0 && askedLeft.getOrDefault(token, 0) > 0) {
          hits++;
          predictedLeft.merge(token, -1, Integer::sum);
          askedLeft.merge(token, -1, Integer::sum);
        }
      }
    }
    return Score.of(hits, size(predicted), size(asked));
  }

  private static int size(List<List<String>> sentences) {
    return sentences.stream().mapToInt(List::size).sum();
  }

  private static Map<String, Integer> counts(List<List<String>> sentences) {
    Map<String, Integer> counts = new HashMap<>();
    sentences.forEach(s -> s.forEach(token -> counts.merge(token, 1, Integer::sum)));
    return counts;
  }

  /// Marks the tokens of the first sequence in its LCS, backtracking from the end; on ties the
  /// last token of the first sequence is skipped.
  private static void mark(BitSet places, List<String> first, List<String> second) {
    int[][] lengths = lengths(first, second);
    int i = first.size();
    int j = second.size();
    while (i > 0 && j > 0) {
      if (first.get(i - 1).equals(second.get(j - 1))) {
        i--;
        j--;
        places.set(i);
      } else if (lengths[i][j - 1] > lengths[i - 1][j]) {
        j--;
      } else {
        i--;
      }
    }
  }

  /// Returns the LCS length of every pair of prefixes.
  private static int[][] lengths(List<String> first, List<String> second) {
    int[][] lengths = new int[first.size() + 1][second.size() + 1];
    for (int i = 1; i <= first.size(); i++) {
      for (int j = 1; j <= second.size(); j++) {
        lengths[i][j] =
            first.get(i - 1).equals(second.get(j - 1))
                ? lengths[i - 1][j - 1] + 1
                : Math.max(lengths[i - 1][j], lengths[i][j - 1]);
      }
    }
    return lengths;
  }

  private static List<List<String>> sentences(String text, boolean stem) {
    List<List<String>> sentences = new ArrayList<>();
    for (String line : text.split("\n", -1)) {
      sentences.add(tokens(line, stem));
    }
    return sentences;
  }

  private static List<String> tokens(String text, boolean stem) {
    List<String> tokens = new ArrayList<>();
    String lower = PythonText.lower(text);
    int start = 0;
    for (int i = 0; i <= lower.length(); i++) {
      char c = i < lower.length() ? lower.charAt(i) : ' ';
      if ((c < 'a' || c > 'z') && (c < '0' || c > '9')) {
        if (i > start) {
          String token = lower.substring(start, i);
          tokens.add(stem && token.length() > 3 ? PorterStemmer.stem(token) : token);
        }
        start = i + 1;
      }
    }
    return tokens;
  }
}
