package dev.nudge.constrain;

import dev.nudge.constrain.CharNfa.Edge;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;

/// Writes characters into [Rules] as UTF-8 bytes, plain or escaped as in a JSON string.
///
/// In JSON each character has one spelling: itself; for `"`, `\` and control characters the short
/// escape, or else `\\u00` and two digits. Characters that the vocabulary cannot write are left
/// out.
final class Spelling {
  private static final String SHORT = "\"\\\b\f\n\r\t";
  private static final String LETTERS = "\"\\bfnrt";
  private static final Ranges ESCAPED = Ranges.of(0, 0x1F).or(Ranges.of("\"\\"));

  private final Rules rules;
  private final Ranges writable;
  private final Map<Ranges, Utf8Ranges> plain = new HashMap<>();
  private final Map<Ranges, Utf8Ranges> escaped = new HashMap<>();

  Spelling(Rules rules, Ranges writable) {
    this.rules = rules;
    this.writable = writable;
  }

  /// Writes a text after a state and returns the state after the text.
  int text(int from, String text) {
    int at = from;
    for (int c : text.codePoints().toArray()) {
      int next = rules.state();
      one(at, Ranges.of(c), next);
      at = next;
    }
    return at;
  }

  /// Writes a text as a JSON string and returns the state after it.
  int quoted(int from, String text) {
    int at = text(from, "\"");
    for (int c : text.codePoints().toArray()) {
      int next = rules.state();
      quoted(at, Ranges.of(c), next);
      at = next;
    }
    return text(at, "\"");
  }

  /// Copies an automaton between two states.
  void all(int from, CharNfa texts, int to, boolean json) {
    int[] names = new int[texts.size()];
    for (int s = 0; s < names.length; s++) {
      names[s] = rules.state();
    }
    rules.skip(from, names[0]);
    rules.skip(names[texts.end()], to);
    for (int s = 0; s < names.length; s++) {
      for (Edge edge : texts.from(s)) {
        if (edge.on() == null) {
          rules.skip(names[s], names[edge.to()]);
        } else if (json) {
          quoted(names[s], edge.on(), names[edge.to()]);
        } else {
          one(names[s], edge.on(), names[edge.to()]);
        }
      }
    }
  }

  private void quoted(int from, Ranges on, int to) {
    rules.letters(from, escaped.computeIfAbsent(on, this::escape), to);
  }

  private void one(int from, Ranges on, int to) {
    rules.letters(from, plain.computeIfAbsent(on, set -> new Utf8Ranges(cut(set))), to);
  }

  private Utf8Ranges escape(Ranges on) {
    List<int[]> made = cut(on.without(ESCAPED));
    for (int i = 0; i < SHORT.length(); i++) {
      if (on.has(SHORT.charAt(i))) {
        add("\\" + LETTERS.charAt(i), made);
      }
    }
    for (int c = 0; c < ' '; c++) {
      if (on.has(c) && SHORT.indexOf(c) < 0) {
        String digits = "%02x".formatted(c);
        add("\\u00" + digits, made);
        if (c % 16 > 9) {
          add("\\u00" + digits.toUpperCase(Locale.ROOT), made); // parsers take both, models may too
        }
      }
    }
    return new Utf8Ranges(made);
  }

  private void add(String ascii, List<int[]> to) {
    if (ascii.chars().allMatch(writable::has)) {
      to.add(ascii.chars().flatMap(c -> IntStream.of(c, c)).toArray());
    }
  }

  /// Splits characters into sequences of byte ranges: low and high of each byte.
  private List<int[]> cut(Ranges on) {
    List<int[]> made = new ArrayList<>();
    int[] bounds = on.and(writable).bounds();
    for (int i = 0; i < bounds.length; i += 2) {
      cut(bounds[i], bounds[i + 1], made);
    }
    return made;
  }

  private static void cut(int first, int last, List<int[]> to) {
    for (int most : new int[] {0x7F, 0x7FF, 0xFFFF}) {
      if (first <= most && last > most) {
        cut(first, most, to);
        cut(most + 1, last, to);
        return;
      }
    }
    int more = first < 0x80 ? 0 : first < 0x800 ? 1 : first < 0x10000 ? 2 : 3;
    for (int i = 1; i <= more; i++) {
      int mask = (1 << 6 * i) - 1;
      if ((first & ~mask) != (last & ~mask)) {
        if ((first & mask) != 0) {
          cut(first, first | mask, to);
          cut((first | mask) + 1, last, to);
          return;
        }
        if ((last & mask) != mask) {
          cut(first, (last & ~mask) - 1, to);
          cut(last & ~mask, last, to);
          return;
        }
      }
    }
    int[] sequence = new int[2 * more + 2];
    for (int i = 0; i <= more; i++) {
      sequence[2 * i] = utf8(first, i, more);
      sequence[2 * i + 1] = utf8(last, i, more);
    }
    to.add(sequence);
  }

  /// Returns byte `i` of the UTF-8 form of a character with `more` bytes after its first.
  private static int utf8(int character, int i, int more) {
    int bits = character >> 6 * (more - i);
    return i > 0 ? 0x80 | bits & 0x3F : more == 0 ? bits : 0xF00 >> more + 1 & 0xFF | bits;
  }
}
