package dev.nudge.eval.metric;

import dev.nudge.python.PythonFloat;
import dev.nudge.python.PythonText;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// TAT-QA's exact match and F1 of answers that are numbers with a scale, or text spans [1].
///
/// It follows TAT-QA's script, commit 870accc4. A number is rounded to two decimals, multiplied by
/// its scale and written with four decimals; a percentage is divided by 100, parentheses mean
/// negative, and after any other text the scale is appended as a word. Spans are sorted and
/// joined. The texts are compared in lower case without punctuation, articles and extra white
/// space, numbers by value: exactly, and by F1 of the word sets, rounded to two decimals. If the
/// question asks for a number, F1 is the exact score. A single number without a scale also matches
/// the raw gold value (0.2342 for 23.42 percent).
///
/// Quirks are kept because published scores have them: `.5` has no value, `1,234` is a number but
/// `1.2.3` is not, and `5` differs from `5.0`.
///
/// [1] F. Zhu et al., TAT-QA: a question answering benchmark on a hybrid of tabular and textual
/// content in finance, 2021.
public final class NumericAnswer {
  private static final String MARKS = "'\"\\$€£¥%(),[]";
  private static final Pattern FLOAT =
      Pattern.compile(
          "[+-]?(?:(?:(?:\\d+(?:_\\d+)*)?\\.\\d+(?:_\\d+)*|\\d+(?:_\\d+)*\\.?)"
              + "(?:[eE][+-]?\\d+(?:_\\d+)*)?|(?i:inf|infinity))");
  private static final Pattern VALUE = Pattern.compile("([+-]?\\d+(\\.\\d+)?)|([+-]?\\.\\d+)");
  private static final Pattern NEGATIVE = Pattern.compile("\\([\\d.\\s]+\\)");
  private static final Pattern PERCENT = Pattern.compile("[\\d.\\s]+%");
  private static final Pattern SCALED = Pattern.compile("[\\d.]+\\s?[a-zA-Z]+");

  private NumericAnswer() {}

  /// Exact match and F1 of an answer, each from 0 to 1.
  public record Score(double exact, double f1) {
    private static final Score NONE = new Score(0, 0);
  }

  /// Scores an answer.
  ///
  /// @param prediction its spans, or the number; an empty list scores 0
  /// @param scale of the prediction: empty, or a text that contains hundred, thousand, million,
  ///     billion or percent
  /// @param gold gold spans or number of the dataset
  /// @param goldScale scale of the gold answer
  /// @param number whether the question asks for a number (TAT-QA's `arithmetic` and `count`)
  public static Score score(
      List<String> prediction, String scale, List<String> gold, String goldScale, boolean number) {
    if (prediction.isEmpty() || gold.isEmpty()) {
      return Score.NONE;
    }
    String asked = normal(written(gold, goldScale));
    Score best = score(normal(written(prediction, scale)), asked);
    String only = prediction.getFirst();
    if (prediction.size() == 1 && scale.isEmpty() && !only.contains("%") && isNumber(only)) {
      Value value = value(only);
      Score bare = value == null ? best : score(normal(value.places()), asked);
      boolean better = bare.exact > best.exact || (bare.exact == best.exact && bare.f1 > best.f1);
      best = better ? bare : best;
    }
    return number ? new Score(best.exact, best.exact) : best;
  }

  private static Score score(String said, String asked) {
    Set<String> saidWords = new HashSet<>(PythonText.split(said));
    Set<String> askedWords = new HashSet<>(PythonText.split(asked));
    Set<String> common = new HashSet<>(saidWords);
    common.retainAll(askedWords);
    double precision = saidWords.isEmpty() ? 1 : common.size() / (double) saidWords.size();
    double recall = askedWords.isEmpty() ? 1 : common.size() / (double) askedWords.size();
    double sum = precision + recall;
    double f1 = sum == 0 ? 0 : 2 * precision * recall / sum;
    return new Score(said.equals(asked) ? 1 : 0, Math.rint(f1 * 100) / 100);
  }

  /// Returns the spans with their scale, sorted by code points, as one text.
  private static String written(List<String> spans, String scale) {
    List<String> sorted = new ArrayList<>(spans);
    sorted.sort((a, b) -> Arrays.compare(a.codePoints().toArray(), b.codePoints().toArray()));
    List<String> written = new ArrayList<>();
    for (String span : sorted) {
      Value value = isNumber(span) ? value(span) : null;
      if (value == null) {
        written.add(scale.isEmpty() ? span : span + " " + scale);
      } else if (span.contains("%")) {
        written.add(value.places());
      } else {
        written.add(value.rounded(2).times(scale(scale)).places());
      }
    }
    return String.join(" ", written);
  }

  /// A Python number: an int, or a double.
  private record Value(double number, @Nullable BigInteger whole) {
    static Value of(BigInteger whole) {
      return new Value(whole.doubleValue(), whole);
    }

    static Value of(double number) {
      return new Value(number, null);
    }

    Value times(Value other) {
      return whole != null && other.whole != null
          ? of(whole.multiply(other.whole))
          : of(number * other.number);
    }

    Value rounded(int places) {
      return whole != null ? this : of(PythonFloat.round(number, places));
    }

    /// Python's `'%.4f'`.
    String places() {
      return Double.isFinite(number) ? PythonFloat.fixed(number, 4) : Double.toString(number);
    }

    @Override
    public String toString() {
      return whole == null ? Double.toString(number) : whole.toString();
    }
  }

  private static final Value ONE = Value.of(BigInteger.ONE);

  private static Value scale(String text) {
    String scale = PythonText.lower(text);
    if (scale.contains("hundred")) {
      return Value.of(BigInteger.valueOf(100));
    }
    if (scale.contains("thousand")) {
      return Value.of(BigInteger.valueOf(1_000));
    }
    if (scale.contains("million")) {
      return Value.of(BigInteger.valueOf(1_000_000));
    }
    if (scale.contains("billion")) {
      return Value.of(BigInteger.valueOf(1_000_000_000));
    }
    return scale.contains("percent") ? Value.of(0.01) : ONE;
  }

  /// Maps decimal digits of every script to `0` to `9`, as Python reads them, and white space to
  /// spaces.
  private static String folded(String text) {
    StringBuilder folded = new StringBuilder(text.length());
    text.codePoints()
        .forEach(
            c -> {
              if (Character.isDigit(c)) {
                folded.append(Character.digit(c, 10));
              } else {
                folded.appendCodePoint(PythonText.isSpace(c) ? ' ' : c);
              }
            });
    return folded.toString();
  }

  /// Whether a text is a number, currency sign and scale word allowed.
  private static boolean isNumber(String text) {
    List<String> words = PythonText.split(PythonText.without(folded(text), MARKS));
    return !words.isEmpty()
        && FLOAT.matcher(words.getFirst()).matches()
        && (words.size() == 1 || !scale(words.get(1)).equals(ONE));
  }

  private static @Nullable Value value(String written) {
    String text = folded(written);
    Matcher digits = VALUE.matcher(PythonText.without(text, MARKS));
    if (!digits.find() || digits.group(1) == null) {
      return null;
    }
    String found = digits.group(1);
    Value number =
        found.contains(".")
            ? Value.of(Double.parseDouble(found))
            : Value.of(new BigInteger(found.startsWith("+") ? found.substring(1) : found));
    String stripped = PythonText.strip(text);
    Matcher scaled = SCALED.matcher(text);
    Value value = number.times(scaled.find() ? scale(scaled.group()) : ONE);
    if (NEGATIVE.matcher(stripped).find()) {
      value = value.times(Value.of(BigInteger.ONE.negate()));
    }
    if (PERCENT.matcher(stripped).find()) {
      value = value.times(Value.of(0.01));
    }
    return value.rounded(4);
  }

  private static String shown(@Nullable Value value) {
    return value == null ? "None" : value.toString(); // no word is "None": words are in lower case
  }

  private static String normal(String text) {
    List<String> parts = new ArrayList<>();
    for (String token : text.split(" ", -1)) {
      String lower = PythonText.lower(token);
      if (isNumber(lower)) {
        parts.add(shown(value(lower)));
        continue;
      }
      String bare = PythonText.without(lower, PythonText.PUNCTUATION);
      if (isNumber(bare)) { // with its marks it was not a number
        bare = shown(value(bare));
      }
      parts.add(PythonText.collapsed(Ngrams.ARTICLE.matcher(bare).replaceAll(" ")));
    }
    parts.removeIf(String::isEmpty);
    return String.join(" ", parts);
  }
}
