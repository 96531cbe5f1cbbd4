package dev.nudge.text.jinja;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Parses numbers as templates and Python write them.
final class Numbers {
  private static final Pattern FLOAT =
      Pattern.compile(
          "(?:\\d+_)*\\d+(?:(?:\\.(?:\\d+_)*\\d+)?[eE][+-]?(?:\\d+_)*\\d+|\\.(?:\\d+_)*\\d+)");
  private static final Pattern INTEGER =
      Pattern.compile(
          "0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[0-9a-fA-F])+|[1-9](?:_?\\d)*|0(?:_?0)*");

  private Numbers() {}

  record Read(boolean isFloat, String digits, int end) {}

  static Read read(String text, int at, boolean behindDot) {
    Matcher matcher = FLOAT.matcher(text).region(at, text.length());
    if (!behindDot && matcher.lookingAt()) {
      return new Read(true, matcher.group().replace("_", ""), matcher.end());
    }
    matcher.usePattern(INTEGER).region(at, text.length());
    if (!matcher.lookingAt()) {
      throw new Mistake("not a number"); // a digit always begins one
    }
    return new Read(false, matcher.group().replace("_", ""), matcher.end());
  }
}
