package dev.nudge.eval.metric;

import dev.nudge.python.PythonText;
import java.nio.charset.StandardCharsets;

/// Word perplexity, byte perplexity and bits per byte, as in lm-evaluation-harness.
///
/// Log-probabilities are summed over a corpus and divided by its words or bytes, so long texts
/// weigh more, and models with different tokenizers are comparable:
///
///     word perplexity = exp(−Σ ln p / Σ words)
///     byte perplexity = exp(−Σ ln p / Σ bytes)
///     bits a byte     = −Σ ln p / (Σ bytes · ln 2)
///
/// Words are split at white space as by `re.split`, so an empty piece at the start or end counts;
/// bytes are UTF-8.
public final class Perplexity {
  private Perplexity() {}

  /// Perplexity, exp(−mean).
  ///
  /// @param mean mean natural log-probability per word, byte or document
  public static double of(double mean) {
    return Math.exp(-mean);
  }

  /// Bits, −mean / ln 2.
  ///
  /// @param mean mean natural log-probability per byte
  public static double bits(double mean) {
    return -mean / Math.log(2);
  }

  /// Returns the number of words of a text; 1 for an empty one.
  public static long words(String text) {
    long words = 1;
    boolean blank = false;
    for (int i = 0; i < text.length(); i++) {
      boolean space = PythonText.isSpace(text.charAt(i));
      words += space && !blank ? 1 : 0;
      blank = space;
    }
    return words;
  }

  /// Returns the number of UTF-8 bytes of a text.
  public static long bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8).length;
  }
}
