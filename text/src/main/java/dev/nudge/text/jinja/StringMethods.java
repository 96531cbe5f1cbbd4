package dev.nudge.text.jinja;

import dev.nudge.python.PythonText;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/// Strips, splits, joins and pads texts and changes their case as Python's string methods do; each
/// character keeps its origin.
final class StringMethods {
  private StringMethods() {}

  /// @param chars characters to strip; null: white space
  static Text strip(Text text, @Nullable Text chars, boolean left, boolean right) {
    String all = text.chars();
    IntPredicate goes = chars == null ? PythonText::isSpace : c -> chars.chars().indexOf(c) >= 0;
    int from = 0;
    int to = all.length();
    while (left && from < to && goes.test(all.codePointAt(from))) {
      from += Character.charCount(all.codePointAt(from));
    }
    while (right && to > from && goes.test(all.codePointBefore(to))) {
      to -= Character.charCount(all.codePointBefore(to));
    }
    return text.sub(from, to);
  }

  static Text replace(Text text, Text old, Text by, int most) {
    String all = text.chars();
    if (most == 0 || !all.contains(old.chars())) {
      return text;
    }
    TextBuilder out = new TextBuilder();
    int at = 0;
    int done = 0;
    if (old.isEmpty()) {
      while (done != most) {
        out.add(by);
        done++;
        if (at == all.length()) {
          return out.text();
        }
        int end = all.offsetByCodePoints(at, 1);
        out.add(text.sub(at, end));
        at = end;
      }
    }
    int found = old.isEmpty() ? -1 : all.indexOf(old.chars());
    while (found >= 0 && done != most) {
      out.add(text.sub(at, found)).add(by);
      at = found + old.chars().length();
      found = all.indexOf(old.chars(), at);
      done++;
    }
    return out.add(text.sub(at, all.length())).text();
  }

  /// @param separator null: white space, and no empty parts
  /// @param most most splits; negative: no limit
  static List<Value> split(Text text, @Nullable Text separator, int most) {
    List<Value> parts = new ArrayList<>();
    String all = text.chars();
    if (separator == null) {
      int at = skip(all, 0, true);
      while (at < all.length()) {
        boolean rest = parts.size() == most;
        int end = rest ? all.length() : skip(all, at, false);
        parts.add(text.sub(at, end));
        at = rest ? all.length() : skip(all, end, true);
      }
      return parts;
    }
    notEmpty(separator);
    int at = 0;
    int found = all.indexOf(separator.chars());
    while (found >= 0 && parts.size() != most) {
      parts.add(text.sub(at, found));
      at = found + separator.chars().length();
      found = all.indexOf(separator.chars(), at);
    }
    parts.add(text.sub(at, all.length()));
    return parts;
  }

  static List<Value> splitFromRight(Text text, @Nullable Text separator, int most) {
    if (most < 0) {
      return split(text, separator, most);
    }
    List<Value> parts = new ArrayList<>();
    String all = text.chars();
    int end = separator == null ? PythonText.stripEnd(all).length() : all.length();
    while (parts.size() < most) {
      int from;
      int after;
      if (separator == null) {
        int begin = end;
        while (begin > 0 && !PythonText.isSpace(all.charAt(begin - 1))) {
          begin--;
        }
        from = PythonText.stripEnd(all.substring(0, begin)).length();
        after = begin;
        if (from == 0) { // the first word
          return first(parts, text.sub(begin, end));
        }
      } else {
        notEmpty(separator);
        from =
            end < separator.chars().length()
                ? -1
                : all.lastIndexOf(separator.chars(), end - separator.chars().length());
        after = from + separator.chars().length();
        if (from < 0) {
          break;
        }
      }
      parts.addFirst(text.sub(after, end));
      end = from;
    }
    return separator == null && end == 0 ? parts : first(parts, text.sub(0, end));
  }

  private static List<Value> first(List<Value> parts, Text part) {
    if (!part.isEmpty() || !parts.isEmpty()) {
      parts.addFirst(part);
    }
    return parts;
  }

  private static void notEmpty(Text separator) {
    if (separator.isEmpty()) {
      throw new Mistake("the separator is empty");
    }
  }

  private static int skip(String text, int from, boolean spaces) {
    int at = from;
    while (at < text.length() && PythonText.isSpace(text.charAt(at)) == spaces) {
      at++;
    }
    return at;
  }

  static List<Value> lines(Text text, boolean keepEnds) {
    List<Value> lines = new ArrayList<>();
    String all = text.chars();
    int from = 0;
    for (int i = 0; i < all.length(); i++) {
      if (!PythonText.endsLine(all.charAt(i))) {
        continue;
      }
      int end = all.startsWith("\r\n", i) ? i + 2 : i + 1;
      lines.add(text.sub(from, keepEnds ? end : i));
      from = end;
      i = end - 1;
    }
    if (from < all.length()) {
      lines.add(text.sub(from, all.length()));
    }
    return lines;
  }

  static Text join(Text between, List<Value> parts) {
    TextBuilder out = new TextBuilder();
    boolean first = true;
    for (Value part : parts) {
      if (!(part instanceof Text text)) {
        throw new Mistake("join() puts texts together, and one is a " + part.type());
      }
      if (!first) {
        out.add(between);
      }
      out.add(text);
      first = false;
    }
    return out.text();
  }

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
    TextBuilder out = new TextBuilder(); // the new case has another length
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

  /// Python's `title`: a letter after a non-letter becomes upper case, others lower case.
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

  /// Pads a text with a character to a width.
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
