package dev.nudge.eval.metric;

import dev.nudge.python.PythonText;
import dev.nudge.settings.PythonRegex;
import java.util.List;
import java.util.regex.Pattern;

/// Exact match after optional normalisation: `exact_match` of lm-evaluation-harness and of Hugging
/// Face evaluate.
///
/// Normalisation runs in this order: regular expressions (Python's, all matches removed), case, the
/// 32 ASCII punctuation characters, the ten ASCII digits. White space is significant; trailing NUL
/// characters are not, because the harness compares numpy arrays, which drop them.
public final class ExactMatch {
  private static final String DIGITS = "0123456789";

  private ExactMatch() {}

  /// Normalisation options.
  ///
  /// @param ignoreCase compares in lower case
  /// @param ignorePunctuation drops ``!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~``
  /// @param ignoreNumbers drops `0` to `9`
  /// @param regexesToIgnore patterns whose matches are removed, in this order
  public record Options(
      boolean ignoreCase,
      boolean ignorePunctuation,
      boolean ignoreNumbers,
      List<Pattern> regexesToIgnore) {
    /// No normalisation.
    public static final Options NONE = new Options(false, false, false, List.of());

    public Options {
      regexesToIgnore = List.copyOf(regexesToIgnore);
    }

    /// Compiles regular expressions in Python's syntax.
    ///
    /// @throws dev.nudge.settings.InputException if an expression is invalid
    public static Options of(
        boolean ignoreCase,
        boolean ignorePunctuation,
        boolean ignoreNumbers,
        List<String> regexesToIgnore) {
      return new Options(
          ignoreCase,
          ignorePunctuation,
          ignoreNumbers,
          regexesToIgnore.stream().map(PythonRegex::compile).toList());
    }
  }

  /// 1 if prediction and reference are equal after normalisation, else 0.
  public static double score(String prediction, String reference, Options options) {
    return kept(prediction, options).equals(kept(reference, options)) ? 1 : 0;
  }

  private static String kept(String text, Options options) {
    String kept = text;
    for (Pattern pattern : options.regexesToIgnore()) {
      kept = pattern.matcher(kept).replaceAll("");
    }
    if (options.ignoreCase()) {
      kept = PythonText.lower(kept);
    }
    if (options.ignorePunctuation()) {
      kept = PythonText.without(kept, PythonText.PUNCTUATION);
    }
    if (options.ignoreNumbers()) {
      kept = PythonText.without(kept, DIGITS);
    }
    int end = kept.length();
    while (end > 0 && kept.charAt(end - 1) == 0) {
      end--;
    }
    return kept.substring(0, end);
  }
}
