package dev.nudge.eval.metric;

import dev.nudge.python.PythonText;
import java.nio.charset.StandardCharsets;

/// Makes perplexities of log-probabilities, as lm-evaluation-harness does.
///
/// Of a corpus the log-probabilities of its texts are added up and divided by their words or bytes,
/// so long texts count more, and models with other tokenizers can be compared:
///
///     word perplexity = exp(−Σ ln p / Σ words)
///     byte perplexity = exp(−Σ ln p / Σ bytes)
///     bits a byte     = −Σ ln p / (Σ bytes · ln 2)
///
/// Words are pieces between runs of blanks, an empty piece at the start or the end included, as
/// `re.split` makes them; bytes are those of UTF-8.
public final class Perplexity {
  private Perplexity() {}

  /// The perplexity of a mean.
  ///
  /// @param mean natural log-probability of a word, a byte, or a document whatever its length
  public static double of(double mean) {
    return Math.exp(-mean);
  }

  /// The bits of a mean.
  ///
  /// @param mean natural log-probability of a byte
  public static double bits(double mean) {
    return -mean / Math.log(2);
  }

  /// The words of a text, an empty one being one.
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

  /// The bytes of a text.
  public static long bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8).length;
  }
}
