package dev.nudge.constrain;

import dev.nudge.settings.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/// Parses regular expressions: the regular part of the syntax to which Java's `Pattern` and
/// ECMAScript's `RegExp` (with `u`) give the same meaning.
///
/// Characters, `.`, classes, the escapes d, w and s and their opposites (ASCII, as in Java), p with
/// a general category, t, n, r and f, x with two digits, u with four or with some in braces, groups
/// with or without a name, `|`, `* + ?` and `{m,n}` also lazy, with `?` after them (which matches
/// the same texts), `^` at the start and `$` at the end.
final class RegularExpressionParser {
  /// Unicode's general categories by the number that `Character.getType` returns; 17 is unused.
  private static final List<String> CATEGORIES =
      List.of(
          "Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Me", "Mc", "Nd", "Nl", "No", "Zs", "Zl", "Zp",
          "Cc", "Cf", "", "Co", "Cs", "Pd", "Ps", "Pe", "Pc", "Po", "Sm", "Sc", "Sk", "So", "Pi",
          "Pf");

  private static final Map<String, Ranges> MADE_CATEGORIES = new ConcurrentHashMap<>();
  private static final String ALLOWED =
      "; allowed are characters, classes, groups, |, * + ? {m,n}, and ^ $ at the ends";
  private static final Ranges LINE_ENDS = Ranges.of("\n\r\u0085\u2028\u2029");
  private static final Ranges DIGITS = Ranges.of('0', '9');
  private static final Ranges WORD =
      DIGITS.or(Ranges.of('a', 'z')).or(Ranges.of('A', 'Z')).or(Ranges.of('_'));
  private static final Ranges SPACE = Ranges.of(" \t\n\u000B\f\r");
  private static final int MOST_TIMES = 100_000;
  private static final int MOST_GROUPS = 200;

  private final String place;
  private final String pattern;
  private final int[] text;
  private int at;
  private int depth;

  private RegularExpressionParser(String pattern, String place) {
    this.place = place;
    this.pattern = pattern;
    this.text = pattern.codePoints().toArray();
  }

  /// Builds the automaton of the texts that match.
  ///
  /// @param search whether a match may be a part of the text; else the whole text must match
  /// @param place where the pattern was found, for messages
  static CharNfa automaton(String pattern, boolean search, String place) {
    RegularExpressionParser parser = new RegularExpressionParser(pattern, place);
    RegularExpression read = parser.choice();
    if (parser.at < parser.text.length) {
      throw parser.mistake("')' closes no group; write \\) for the character");
    }
    try {
      return read.placed(search).automaton();
    } catch (RegularExpression.Misplaced e) {
      parser.at = e.anchor.column() - 1;
      throw parser.mistake(
          (e.anchor.begin() ? "'^' stands where text may be before it" : "'$' stands where text")
              + (e.anchor.begin() ? "" : " may be behind it")
              + "; write it at the end of the pattern or of a branch, or as \\^ \\$");
    }
  }

  private RegularExpression choice() {
    List<RegularExpression> branches = new ArrayList<>(List.of(sequence()));
    while (take('|')) {
      branches.add(sequence());
    }
    return branches.size() == 1 ? branches.getFirst() : new RegularExpression.Choice(branches);
  }

  private RegularExpression sequence() {
    List<RegularExpression> parts = new ArrayList<>();
    while (at < text.length && text[at] != '|' && text[at] != ')') {
      parts.add(repeated(atom()));
    }
    return parts.size() == 1 ? parts.getFirst() : new RegularExpression.Sequence(parts);
  }

  private static RegularExpression one(Ranges of) {
    Work.add(of.bounds().length);
    return new RegularExpression.One(of);
  }

  private RegularExpression repeated(RegularExpression atom) {
    int least;
    int most = -1;
    if (take('*')) {
      least = 0;
    } else if (take('+')) {
      least = 1;
    } else if (take('?')) {
      least = 0;
      most = 1;
    } else if (take('{')) {
      least = number();
      most = take(',') ? (peek('}') ? -1 : number()) : least;
      if (!take('}')) {
        throw mistake("'{' is not closed; it is {m}, {m,} or {m,n}, and \\{ the character");
      }
      if (most >= 0 && most < least) {
        throw mistake("{" + least + "," + most + "} has the larger number first");
      }
    } else {
      return atom;
    }
    if (atom instanceof RegularExpression.Anchor) {
      throw mistake("an anchor cannot be repeated");
    }
    if (peek('+')) {
      throw mistake("a possessive quantifier is not regular" + ALLOWED);
    }
    take('?');
    if (peek('*') || peek('+') || peek('?') || peek('{')) {
      throw mistake("a quantifier stands behind a quantifier; put the first into (?: )");
    }
    return new RegularExpression.Repeat(atom, least, most);
  }

  private int number() {
    int from = at;
    int value = 0;
    while (at < text.length && text[at] >= '0' && text[at] <= '9' && value <= MOST_TIMES) {
      value = 10 * value + text[at++] - '0';
    }
    if (from == at) {
      throw mistake("'{' needs a number; it is {m}, {m,} or {m,n}, and \\{ the character");
    }
    if (value > MOST_TIMES) {
      throw mistake("more than " + MOST_TIMES + " times is not allowed");
    }
    return value;
  }

  private RegularExpression atom() {
    int c = text[at++];
    switch (c) {
      case '(' -> {
        return group();
      }
      case '[' -> {
        return one(set());
      }
      case '.' -> {
        return one(LINE_ENDS.not());
      }
      case '^', '$' -> {
        return new RegularExpression.Anchor(c == '^', at);
      }
      case '*', '+', '?', '{' -> {
        at--;
        throw mistake("'%c' has nothing to repeat; write \\%c for the character".formatted(c, c));
      }
      case '\\' -> {
        return one(escape(false));
      }
      default -> {
        return one(Ranges.of(c));
      }
    }
  }

  private RegularExpression group() {
    if (take('?')) {
      if (peek('<') && at + 1 < text.length && text[at + 1] != '=' && text[at + 1] != '!') {
        while (at < text.length && text[at] != '>') {
          at++;
        }
        at++;
      } else if (!take(':')) {
        boolean look = peek('=') || peek('!') || peek('<');
        throw mistake(
            (look ? "look-around is not regular here" : "a group with flags is not allowed")
                + ALLOWED);
      }
    }
    if (++depth > MOST_GROUPS) {
      throw mistake("more than " + MOST_GROUPS + " groups in each other are not allowed");
    }
    RegularExpression inner = choice();
    depth--;
    if (!take(')')) {
      throw mistake("a group is not closed; write \\( for the character");
    }
    return inner;
  }

  private Ranges set() {
    boolean not = take('^');
    if (peek(']')) {
      throw mistake("a class is empty; write \\] for the character");
    }
    List<Ranges> parts = new ArrayList<>();
    while (!take(']')) {
      if (at == text.length) {
        throw mistake("a class is not closed; write \\[ for the character");
      }
      Ranges first = member();
      boolean range = peek('-') && at + 1 < text.length && text[at + 1] != ']';
      if (!range) {
        parts.add(first);
        continue;
      }
      at++;
      Ranges last = member();
      if (!single(first) || !single(last) || first.bounds()[0] > last.bounds()[0]) {
        throw mistake("a range goes from one character to a later one; write \\- for the sign");
      }
      parts.add(Ranges.of(first.bounds()[0], last.bounds()[0]));
    }
    Ranges all = Ranges.any(parts);
    return not ? all.not() : all;
  }

  private static boolean single(Ranges ranges) {
    int[] bounds = ranges.bounds();
    return bounds.length == 2 && bounds[0] == bounds[1];
  }

  private Ranges member() {
    int c = text[at++];
    if (c == '[') {
      throw mistake("a class within a class is not allowed; write \\[ for the character");
    }
    if (c == '&' && peek('&')) {
      throw mistake("&& in a class is not allowed; write \\& for the character");
    }
    return c == '\\' ? escape(true) : Ranges.of(c);
  }

  private Ranges escape(boolean inClass) {
    if (at == text.length) {
      throw mistake("it ends with a backslash; write \\\\ for the character");
    }
    int c = text[at++];
    switch (c) {
      case 'd' -> {
        return DIGITS;
      }
      case 'D' -> {
        return DIGITS.not();
      }
      case 'w' -> {
        return WORD;
      }
      case 'W' -> {
        return WORD.not();
      }
      case 's' -> {
        return SPACE;
      }
      case 'S' -> {
        return SPACE.not();
      }
      case 't' -> {
        return Ranges.of('\t');
      }
      case 'n' -> {
        return Ranges.of('\n');
      }
      case 'r' -> {
        return Ranges.of('\r');
      }
      case 'f' -> {
        return Ranges.of('\f');
      }
      case 'x' -> {
        return Ranges.of(hex(2));
      }
      case 'u' -> {
        return Ranges.of(unicode());
      }
      case 'p', 'P' -> {
        Ranges category = category();
        return c == 'P' ? category.not() : category;
      }
      default -> {}
    }
    boolean letter = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9';
    if (!letter) {
      return Ranges.of(c);
    }
    at -= 2;
    if (!inClass && (c == 'k' || c >= '1' && c <= '9')) {
      throw mistake("a back reference is not regular" + ALLOWED);
    }
    throw mistake(
        "\\%c is not allowed; escapes are \\d \\w \\s \\D \\W \\S \\t \\n \\r \\f \\xHH \\uHHHH"
                .formatted(c)
            + " \\p{L}, and \\ before a sign");
  }

  private int unicode() {
    if (take('{')) {
      int from = at;
      int value = 0;
      while (at < text.length && Character.digit(text[at], 16) >= 0 && value < 0x110000) {
        value = 16 * value + Character.digit(text[at++], 16);
      }
      if (from == at || !take('}')) {
        throw mistake("\\u{ needs hexadecimal digits and a }");
      }
      return character(value);
    }
    int first = hex(4);
    if (Character.isHighSurrogate((char) first) && peek('\\')) {
      at++;
      if (take('u')) {
        int second = hex(4);
        if (Character.isLowSurrogate((char) second)) {
          return Character.toCodePoint((char) first, (char) second);
        }
      }
    }
    return character(first);
  }

  private int character(int value) {
    if (value > Character.MAX_CODE_POINT || value >= 0xD800 && value <= 0xDFFF) {
      throw mistake("\\u%X is no character".formatted(value));
    }
    return value;
  }

  private int hex(int digits) {
    int value = 0;
    for (int i = 0; i < digits; i++) {
      int digit = at < text.length ? Character.digit(text[at], 16) : -1;
      if (digit < 0) {
        throw mistake("an escape needs " + digits + " hexadecimal digits");
      }
      value = 16 * value + digit;
      at++;
    }
    return value;
  }

  private Ranges category() {
    int from = at;
    String name = "";
    if (take('{')) {
      while (at < text.length && text[at] != '}') {
        at++;
      }
      name = new String(text, from + 1, at - from - 1);
      take('}');
    } else if (at < text.length) {
      name = Character.toString(text[at++]);
    }
    Ranges known = category(name);
    if (known == null) {
      throw mistake(
          "\\p{" + name + "} is not known; general categories are, such as L, Lu, N, Nd, P, Z");
    }
    return known;
  }

  private boolean peek(int c) {
    return at < text.length && text[at] == c;
  }

  private boolean take(int c) {
    boolean found = peek(c);
    at += found ? 1 : 0;
    return found;
  }

  private InputException mistake(String what) {
    return new InputException(
        place + "'" + pattern + "', at character " + Math.min(at + 1, text.length) + ": " + what);
  }

  /// Returns the characters of a category (`Lu`) or of a group (`L`); null: unknown name.
  private static @Nullable Ranges category(String name) {
    boolean known =
        !name.isEmpty()
            && name.length() <= 2
            && CATEGORIES.stream().anyMatch(n -> n.startsWith(name));
    return known
        ? MADE_CATEGORIES.computeIfAbsent(
            name, n -> Ranges.where(c -> CATEGORIES.get(Character.getType(c)).startsWith(n)))
        : null;
  }
}
