package dev.nudge.eval.metric;

import dev.nudge.python.PythonText;
import dev.nudge.settings.PythonRegex;
import java.util.List;
import java.util.regex.Pattern;

/// Tells whether a prediction is the reference, after what is to be ignored has been taken out of
/// both: `exact_match` of lm-evaluation-harness, which follows that of Hugging Face evaluate.
///
/// What is ignored goes in this order: each regular expression (Python's, all its matches), case,
/// the 32 punctuation characters of ASCII, the ten digits of ASCII. Blanks count, at the ends too;
/// NUL characters at the end do not, since the harness compares arrays of numpy, which drop them.
public final class ExactMatch {
  private static final String DIGITS = "0123456789";

  private ExactMatch() {}

  /// What is ignored.
  ///
  /// @param ignoreCase compares in lower case
  /// @param ignorePunctuation drops ``!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~``
  /// @param ignoreNumbers drops `0` to `9`
  /// @param regexesToIgnore whose matches are dropped, one expression after the other
  public record Options(
      boolean ignoreCase,
      boolean ignorePunctuation,
      boolean ignoreNumbers,
      List<Pattern> regexesToIgnore) {
    /// Nothing is ignored.
    public static final Options NONE = new Options(false, false, false, List.of());

    public Options {
      regexesToIgnore = List.copyOf(regexesToIgnore);
    }

    /// Takes expressions as Python writes them.
    ///
    /// @throws dev.nudge.settings.InputException where one cannot be read
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

  /// 1 where they are the same, else 0.
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
