package dev.nudge.eval.metric;

import dev.nudge.python.PythonText;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/// Tokenizes English text as NLTK's `word_tokenize`: sentences ([PunktSentences]), then Penn
/// Treebank rules, quotes and clitics separated.
final class WordTokens {
  private static final int FLAGS = Pattern.UNICODE_CHARACTER_CLASS | Pattern.UNIX_LINES;
  private static final String EDGE = PythonText.EDGE; // contractions are found by Python's re

  private record Step(Pattern pattern, String instead) {
    static Step of(String pattern, String instead) {
      return new Step(Pattern.compile(pattern, FLAGS), instead);
    }

    static Step anyCase(String pattern, String instead) {
      int flags = FLAGS | Pattern.CASE_INSENSITIVE | Pattern.UNICODE_CASE;
      return new Step(Pattern.compile(pattern, flags), instead);
    }
  }

  /// Opening quotes, punctuation, brackets; then padding.
  private static final List<Step> FIRST =
      List.of(
          Step.of("([\u00ab\u201c\u2018\u201e]|`+)", " $1 "),
          Step.of("^\"", "``"),
          Step.of("(``)", " $1 "),
          Step.of("([ (\\[{<])(\"|'{2})", "$1 `` "),
          Step.anyCase("(?<!\\w)(')(?!(?:re|ve|ll|m|t|s|d|n)\\b)(?=\\w)", "$1 "),
          Step.of("([^.])(\\.)([\\])}>\"'\u00bb\u201d\u2019 ]*+)\\s*$", "$1 $2 $3 "),
          Step.of("([:,])([^\\d])", " $1 $2"),
          Step.of("([:,])$", " $1 "),
          Step.of("\\.{2,}", " $0 "),
          Step.of("[;@#$%&]", " $0 "),
          Step.of("[\u2012-\u2015]", " $0 "),
          Step.of("([^.])(\\.)([\\])}>\"']*)\\s*$", "$1 $2$3 "),
          Step.of("[?!]", " $0 "),
          Step.of("([^'])' ", "$1 ' "),
          Step.of("[*]", " $0 "),
          Step.of("[\\]\\[(){}<>]", " $0 "),
          Step.of("--", " -- "));

  /// Closing quotes and contractions.
  private static final List<Step> THEN =
      List.of(
          Step.of("([\u00bb\u201d\u2019])", " $1 "),
          Step.of("''", " '' "),
          Step.of("\"", " '' "),
          Step.of("\\s+", " "),
          Step.of("([^' ])('[sS]|'[mM]|'[dD]|') ", "$1 $2 "),
          Step.of("([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) ", "$1 $2 "),
          Step.anyCase(
              EDGE + "(can(?=not)|gim(?=me)|gon(?=na)|got(?=ta)|lem(?=me))(not|me|na|ta)" + EDGE,
              " $1 $2 "),
          Step.anyCase(EDGE + "(d)('ye)" + EDGE, " $1 $2 "),
          Step.anyCase(EDGE + "(more)('n)" + EDGE, " $1 $2 "),
          Step.anyCase(EDGE + "(wan)(na)(?=[\\s\\x1c-\\x1f])", " $1 $2 "),
          Step.anyCase(" ('t)(is|was)" + EDGE, " $1 $2 "));

  private WordTokens() {}

  /// Returns the tokens of a text.
  static List<String> of(String text) {
    List<String> tokens = new ArrayList<>();
    for (String sentence : PunktSentences.of(text)) {
      String line = " " + replaced(sentence, FIRST) + " ";
      tokens.addAll(PythonText.split(replaced(line, THEN)));
    }
    return tokens;
  }

  private static String replaced(String text, List<Step> steps) {
    String line = text;
    for (Step step : steps) {
      line = step.pattern.matcher(line).replaceAll(step.instead);
    }
    return line;
  }
}
