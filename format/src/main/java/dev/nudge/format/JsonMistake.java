package dev.nudge.format;

import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;

/// Describes a JSON syntax error in plain words, with its place, without names of Jackson's classes
/// and settings.
public final class JsonMistake {
  private static final Pattern CHARACTER =
      Pattern.compile("Unexpected character \\((.+?) \\(code [^)]*\\)+:? ?(.*)", Pattern.DOTALL);
  private static final Pattern TOKEN =
      Pattern.compile("(?:Unrecognized|Non-standard) token '(.*?)'.*", Pattern.DOTALL);

  /// Literals of other languages. Messages show no other words, as these may be a row's text.
  private static final Set<String> WORDS =
      Set.of(
          "True",
          "False",
          "TRUE",
          "FALSE",
          "None",
          "NULL",
          "Null",
          "nil",
          "NaN",
          "nan",
          "NAN",
          "Infinity",
          "-Infinity",
          "inf",
          "undefined");

  private static final Pattern WITHIN_TEXT = Pattern.compile("quote|String|name|escape");
  private static final Pattern MARKER = Pattern.compile("Unexpected close marker ('.').*");
  private static final Pattern TWICE =
      Pattern.compile("Duplicate Object property \"(.*)\".*", Pattern.DOTALL);

  private JsonMistake() {}

  /// Describes the error on one line.
  public static String of(JacksonException e) {
    return Refusal.oneLine(words(String.valueOf(e.getOriginalMessage())), 200);
  }

  /// Returns the place, `line 2, column 5`; empty if it is unknown.
  public static String place(JacksonException e) {
    var at = e.getLocation();
    return at == null || at.getLineNr() < 1 || at.getColumnNr() < 1
        ? ""
        : "line " + at.getLineNr() + ", column " + at.getColumnNr();
  }

  /// Returns the place within a line, `column 5`; empty if the line ends too early.
  public static String column(JacksonException e) {
    var at = e.getLocation();
    boolean ends = of(e).startsWith("it ends");
    return ends || at == null || at.getColumnNr() < 1 ? "" : "column " + at.getColumnNr();
  }

  private static String words(String message) {
    Matcher character = CHARACTER.matcher(message);
    if (character.matches()) {
      return character.group(1) + " stands where " + needed(character.group(2)) + " is needed";
    }
    Matcher token = TOKEN.matcher(message);
    if (token.matches()) {
      return (WORDS.contains(token.group(1)) ? token.group(1) : "a word without quotes")
          + " is no value; a text stands in double quotes";
    }
    Matcher twice = TWICE.matcher(message);
    if (twice.matches()) {
      return "the name \"" + twice.group(1) + "\" comes twice";
    }
    if (message.startsWith("Unexpected end-of-input")) {
      return WITHIN_TEXT.matcher(message).find()
          ? "it ends within a text"
          : "it ends before its closing brace";
    }
    Matcher marker = MARKER.matcher(message);
    if (marker.matches()) {
      return marker.group(1) + " closes what is not open";
    }
    if (message.contains("surrogate")) {
      return "an escape in a text is half of a character";
    }
    if (message.startsWith("Illegal unquoted character")) {
      return "a line break or another control character stands in a text; write it as \\n";
    }
    if (message.startsWith("Unrecognized character escape")) {
      return "behind a \\ stands what is no escape; write \\\\ for \\";
    }
    if (message.contains("UTF-8")) {
      return "it is not UTF-8";
    }
    if (message.startsWith("Trailing token")) {
      return "something stands behind its end";
    }
    if (message.contains("exceeds the maximum")) {
      return message.contains("nesting") ? "it is nested too deeply" : "a part of it is too long";
    }
    return message.toLowerCase(java.util.Locale.ROOT).contains("num")
        ? "a number is not written as JSON writes it"
        : "it is not written as JSON is";
  }

  private static String needed(String expected) {
    if (expected.contains("colon")) {
      return "a colon";
    }
    if (expected.contains("comma")) {
      return "a comma or the closing brace";
    }
    if (expected.contains("double-quote")) {
      return "a name in double quotes";
    }
    if (expected.contains("hex-digit")) {
      return "a digit from 0 to 9 or a to f";
    }
    return expected.contains("numeric") || expected.contains("digit") ? "a digit" : "a value";
  }
}
