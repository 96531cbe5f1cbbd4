package dev.nudge.text.jinja;

import java.util.Locale;
import java.util.function.IntPredicate;

/// Python's methods for letter case and padding of strings; each character keeps its origin.
final class LetterCase {
  private LetterCase() {}

  static Text upper(Text text) {
    return mapped(text, text.chars().toUpperCase(Locale.ROOT), true);
  }

  static Text lower(Text text) {
    return mapped(text, text.chars().toLowerCase(Locale.ROOT), false);
  }

  private static Text mapped(Text text, String all, boolean upper) {
    if (all.length() == text.chars().length()) {
      return text.with(all);
    }
    TextBuilder out = new TextBuilder(); // a letter became two
    int at = 0;
    while (at < text.chars().length()) {
      int end = text.chars().offsetByCodePoints(at, 1);
      String one = text.chars().substring(at, end);
      out.add(
          upper ? one.toUpperCase(Locale.ROOT) : one.toLowerCase(Locale.ROOT), text.originAt(at));
      at = end;
    }
    return out.text();
  }

  static Text capitalize(Text text) {
    if (text.isEmpty()) {
      return text;
    }
    int first = text.chars().offsetByCodePoints(0, 1);
    return new TextBuilder()
        .add(titled(text.sub(0, first)))
        .add(lower(text.sub(first, text.chars().length())))
        .text();
  }

  private static Text titled(Text one) {
    int upper = Character.toTitleCase(one.chars().codePointAt(0));
    return one.chars().codePointAt(0) == 'ß'
        ? Text.of("Ss", one.origin())
        : Text.of(Character.toString(upper), one.origin());
  }

  /// Python's `title`: a letter behind what is none is large, others are small.
  static Text title(Text text) {
    TextBuilder out = new TextBuilder();
    boolean within = false;
    int at = 0;
    while (at < text.chars().length()) {
      int end = text.chars().offsetByCodePoints(at, 1);
      Text one = text.sub(at, end);
      out.add(within ? lower(one) : titled(one));
      within = isCased(text.chars().codePointAt(at));
      at = end;
    }
    return out.text();
  }

  static Text swapCase(Text text) {
    TextBuilder out = new TextBuilder();
    for (Value value : Operators.iterate(text)) {
      Text one = (Text) value;
      out.add(Character.isUpperCase(one.chars().codePointAt(0)) ? lower(one) : upper(one));
    }
    return out.text();
  }

  private static boolean isCased(int c) {
    return Character.isUpperCase(c) || Character.isLowerCase(c) || Character.isTitleCase(c);
  }

  static boolean all(Text text, IntPredicate rule) {
    return !text.isEmpty() && text.chars().codePoints().allMatch(rule);
  }

  /// Puts a sign around a text until it has a width.
  static Text padded(Text text, int width, Text sign, double leftShare, Budget budget) {
    if (sign.length() != 1) {
      throw new Mistake("the fill has to be one character");
    }
    int missing = width - text.length();
    if (missing <= 0) {
      return text;
    }
    budget.characters((long) width + text.length());
    int left = leftShare == 0.5 ? missing / 2 + (missing & width & 1) : (int) (missing * leftShare);
    TextBuilder out = new TextBuilder();
    for (int i = 0; i < left; i++) {
      out.add(sign);
    }
    out.add(text);
    for (int i = left; i < missing; i++) {
      out.add(sign);
    }
    return out.text();
  }
}
