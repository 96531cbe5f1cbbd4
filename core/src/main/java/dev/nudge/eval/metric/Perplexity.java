package dev.nudge.eval.metric;

import java.nio.charset.StandardCharsets;
import java.util.List;

/// Sums log-probabilities of texts over their words and bytes, as lm-evaluation-harness does, so
/// that models with other tokenizers can be compared.
///
///     word perplexity = exp(−Σ ln p / Σ words)
///     byte perplexity = exp(−Σ ln p / Σ bytes)
///     bits a byte     = −Σ ln p / (Σ bytes · ln 2)
///
/// Sums are over the whole corpus, so long texts count more. Words are pieces between runs of
/// blanks, an empty piece at the start or the end included, as `re.split` makes them; bytes are
/// those of UTF-8.
///
/// @param logProbability natural, of all texts
/// @param words of all texts
/// @param bytes of all texts
public record Perplexity(double logProbability, long words, long bytes) {
  /// Of no text.
  public static final Perplexity NONE = new Perplexity(0, 0, 0);

  /// Of one text.
  public static Perplexity of(double logProbability, String text) {
    return new Perplexity(
        logProbability, words(text), text.getBytes(StandardCharsets.UTF_8).length);
  }

  /// Of both.
  public Perplexity plus(Perplexity other) {
    return new Perplexity(
        logProbability + other.logProbability, words + other.words, bytes + other.bytes);
  }

  /// Perplexity a word; NaN of no text.
  public double word() {
    return Math.exp(-logProbability / words);
  }

  /// Perplexity a byte; NaN of no text.
  public double aByte() {
    return Math.exp(-logProbability / bytes);
  }

  /// Bits a byte; NaN of no text.
  public double bitsAByte() {
    return -(logProbability / bytes) / Math.log(2);
  }

  /// Perplexity a document, whatever its length: exp of minus the mean, `perplexity` of tasks whose
  /// output type is `loglikelihood`.
  public static double ofDocuments(List<Double> logProbabilities) {
    return Math.exp(
        -logProbabilities.stream().mapToDouble(Double::doubleValue).average().orElse(Double.NaN));
  }

  /// The words of a text, an empty one being one.
  static long words(String text) {
    long words = 1;
    boolean blank = false;
    for (int i = 0; i < text.length(); i++) {
      boolean space = PythonText.isSpace(text.charAt(i));
      words += space && !blank ? 1 : 0;
      blank = space;
    }
    return words;
  }
}
