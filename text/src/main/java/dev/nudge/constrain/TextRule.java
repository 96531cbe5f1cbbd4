package dev.nudge.constrain;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/// The constraints of a schema on strings.
///
/// @param least fewest characters
/// @param most most characters; below 0: no bound
/// @param patterns patterns that the string must match, all of them
record TextRule(int least, int most, List<Pattern> patterns) {
  /// A regular expression of a schema.
  ///
  /// @param search whether a match may stand within the string
  /// @param pointer where it stands in the schema
  record Pattern(String expression, boolean search, String pointer) {
    CharNfa automaton() {
      return RegularExpressionParser.automaton(
          expression, search, "the schema at " + pointer + ": the pattern ");
    }
  }

  static final TextRule ANY = new TextRule(0, -1, List.of());

  /// The strings of both.
  TextRule and(TextRule other) {
    int shorter = most < 0 ? other.most : other.most < 0 ? most : Math.min(most, other.most);
    Set<Pattern> all = new LinkedHashSet<>(patterns);
    all.addAll(other.patterns);
    return new TextRule(Math.max(least, other.least), shorter, List.copyOf(all));
  }

  /// The automaton of the strings' characters.
  CharNfa automaton() {
    CharNfa made = null;
    for (Pattern pattern : patterns) {
      made = made == null ? pattern.automaton() : made.and(pattern.automaton());
    }
    boolean bound = least > 0 || most >= 0;
    if (made == null) {
      return CharNfa.length(least, most);
    }
    return bound ? made.and(CharNfa.length(least, most)) : made;
  }

  boolean has(String text) {
    int length = text.codePointCount(0, text.length());
    return length >= least
        && (most < 0 || length <= most)
        && patterns.stream().allMatch(p -> p.automaton().matches(text));
  }
}
