package dev.nudge.settings;

import java.util.HashMap;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/// Compiles Python's `re` expressions to Java's, since PEFT's configs are written in them.
///
/// The two dialects agree on most of what module patterns use. Differences are rewritten: named
/// groups, `\Z`, `\v`, `\U`, `{,n}`, literal braces, and in character classes `[`, `&` and a
/// leading `]`, which Java would read as set operations. Constructs that Java lacks (verbose mode,
/// ASCII mode, conditionals, octal escapes), or that only Java has, are refused by name: an
/// expression never silently changes its meaning. [1]
///
/// A match that reads millions of characters of a module path (about sixty characters) is
/// backtracking endlessly; it is stopped and refused.
///
/// [1] https://docs.python.org/3/library/re.html
public final class PythonRegex {
  private static final Pattern NAME = Pattern.compile("\\w+(\\.\\w+)*");
  private static final int LONGEST = 4096;
  private static final int READS = 5_000_000;

  private final String python;
  private final StringBuilder java = new StringBuilder();
  private final Map<String, String> names = new HashMap<>();
  private final Map<String, Integer> numbers = new HashMap<>();
  private int at;
  private int groups;
  private boolean lines; // (?m): ^ also matches after each line break

  private PythonRegex(String python) {
    this.python = python;
  }

  /// Compiles a Python expression; groups keep their numbers.
  public static Pattern compile(String python) {
    if (python.length() > LONGEST) {
      throw new InputException(
          "a regular expression has %d characters; at most %d are read"
              .formatted(python.length(), LONGEST));
    }
    String java = new PythonRegex(python).translate();
    try {
      return Pattern.compile(java, Pattern.UNICODE_CHARACTER_CLASS | Pattern.UNIX_LINES);
    } catch (PatternSyntaxException e) {
      throw new InputException(
          "the regular expression '%s' cannot be read: %s"
              .formatted(python, oneLine(e.getDescription())),
          e);
    } catch (StackOverflowError e) {
      throw new InputException(
          "the regular expression '%s' is nested too deeply".formatted(python), e);
    }
  }

  /// Returns the numbers of the named groups of an expression.
  static Map<String, Integer> numbers(String python) {
    PythonRegex regex = new PythonRegex(python);
    regex.translate();
    return Map.copyOf(regex.numbers);
  }

  /// Returns a predicate for Python's `re.fullmatch`.
  public static Predicate<String> fullMatch(String python) {
    Pattern pattern = compile(python);
    return path -> bounded(python, () -> pattern.matcher(new Bounded(path)).matches());
  }

  /// Returns a predicate for Python's `re.match`.
  public static Predicate<String> match(String python) {
    Pattern pattern = compile(python);
    return path -> bounded(python, () -> pattern.matcher(new Bounded(path)).lookingAt());
  }

  /// PEFT's rule for the keys of `rank_pattern` and `alpha_pattern`: `re.match` of
  /// `(.*\.)?(key)$`.
  public static Predicate<String> key(String key) {
    if (NAME.matcher(key).matches()) { // the common case
      return path -> endsAs(path, key);
    }
    Pattern pattern = compile("(.*\\.)?(" + key + ")$");
    return path -> bounded(key, () -> pattern.matcher(new Bounded(path)).lookingAt());
  }

  /// Whether a path is a key of names or ends with `.key`; a dot of the key matches any character.
  private static boolean endsAs(String path, String key) {
    int from = path.length() - key.length();
    if (from < 0 || from > 0 && path.charAt(from - 1) != '.') {
      return false;
    }
    for (int i = 0; i < key.length(); i++) {
      if (key.charAt(i) != '.' && key.charAt(i) != path.charAt(from + i)) {
        return false;
      }
    }
    return true;
  }

  /// Returns a named group of `re.match` at the start of `path`; null: no match.
  public static @Nullable String group(String python, String group, String path) {
    Matcher matcher = compile(python).matcher(new Bounded(path));
    return bounded(python, matcher::lookingAt) ? matcher.group(group) : null;
  }

  private String translate() {
    while (at < python.length()) {
      char c = python.charAt(at);
      switch (c) {
        case '\\' -> escape(false);
        case '[' -> characterClass();
        case '(' -> group();
        case '{' -> brace();
        case '^' -> put(lines ? "(?:\\A|(?<=\\n))" : "^", 1); // Java's (?m)^ skips the end
        default -> copy(1);
      }
    }
    return java.toString();
  }

  private void escape(boolean inClass) {
    if (at + 1 >= python.length()) {
      throw refused("it ends in a lone backslash");
    }
    char c = python.charAt(at + 1);
    switch (c) {
      case 'd', 'D', 's', 'S', 'w', 'W', 'a', 'f', 'n', 'r', 't', 'x', 'u' -> copy(2);
      case 'N' -> {
        int end = python.indexOf('}', at);
        if (end < 0) {
          throw refused("\\N needs a name in braces");
        }
        copy(end + 1 - at);
      }
      case 'v' -> put("\\x0B", 2);
      case 'U' -> {
        String hex = python.substring(at + 2, Math.min(python.length(), at + 10));
        put("\\x{" + hex + "}", 2 + hex.length());
      }
      case 'b' -> put(inClass ? "\\x08" : "\\b", 2);
      case 'A', 'B' -> {
        if (inClass) {
          throw refused("\\" + c + " has no meaning in a character class");
        }
        copy(2);
      }
      case 'Z', 'z' -> {
        if (inClass) {
          throw refused("\\" + c + " has no meaning in a character class");
        }
        put("\\z", 2);
      }
      case '0', '1', '2', '3', '4', '5', '6', '7', '8', '9' -> backReference(c, inClass);
      default -> {
        if (c < 128 && Character.isLetter(c)) {
          throw refused("\\" + c + " is not an escape of Python's re");
        }
        copy(2);
      }
    }
  }

  private void backReference(char first, boolean inClass) {
    int end = at + 2;
    if (end < python.length() && Character.isDigit(python.charAt(end))) {
      end++;
    }
    String digits = python.substring(at + 1, end);
    if (inClass || first == '0') {
      throw refused("octal escapes are not supported, write \\x.. instead of \\" + digits);
    }
    if (Integer.parseInt(digits) > groups) {
      throw refused("\\" + digits + " refers to a group that is not there");
    }
    put("(?:\\" + digits + ")", end - at);
  }

  private void characterClass() {
    copy(1);
    if (at < python.length() && python.charAt(at) == '^') {
      copy(1);
    }
    boolean first = true;
    while (at < python.length()) {
      char c = python.charAt(at);
      if (c == ']' && !first) {
        copy(1);
        return;
      }
      first = false;
      switch (c) {
        case '\\' -> escape(true);
        case ']', '[', '&', '^' -> put("\\" + c, 1);
        default -> copy(1);
      }
    }
    throw refused("a character class is not closed");
  }

  private void group() {
    if (!python.startsWith("(?", at)) {
      groups++;
      copy(1);
      return;
    }
    String rest = python.substring(at + 2);
    if (rest.startsWith("P<")) {
      int end = rest.indexOf('>');
      groups++;
      numbers.put(end < 0 ? "" : rest.substring(2, end), groups);
      put("(?<" + name(end < 0 ? "" : rest.substring(2, end)) + ">", end + 3);
    } else if (rest.startsWith("P=")) {
      int end = rest.indexOf(')');
      put("\\k<" + name(end < 0 ? "" : rest.substring(2, end)) + ">", end + 3);
    } else if (rest.startsWith("#")) {
      int end = rest.indexOf(')');
      if (end < 0) {
        throw refused("a comment is not closed");
      }
      put("", end + 3);
    } else if (rest.startsWith("<=") || rest.startsWith("<!")) {
      copy(4);
    } else if (rest.startsWith(":")
        || rest.startsWith("=")
        || rest.startsWith("!")
        || rest.startsWith(">")) {
      copy(3);
    } else {
      flags(rest);
    }
  }

  private void flags(String rest) {
    int end = 0;
    while (end < rest.length() && "imsu-".indexOf(rest.charAt(end)) >= 0) {
      end++;
    }
    if (end == 0 || end == rest.length() || (rest.charAt(end) != ')' && rest.charAt(end) != ':')) {
      throw refused("(?" + (rest.isEmpty() ? "" : rest.substring(0, 1)) + " is not supported");
    }
    lines |= rest.charAt(end) == ')' && rest.substring(0, end).matches("[isu]*m.*");
    copy(end + 3);
  }

  /// Java's group names have no underscore; the first use of a name fixes its Java name.
  private String name(String name) {
    if (name.isEmpty()) {
      throw refused("a group name is not closed");
    }
    return names.computeIfAbsent(name, n -> n.matches("[A-Za-z]+") ? n : "py" + names.size() + "x");
  }

  private void brace() {
    int end = python.indexOf('}', at);
    String body = end < 0 ? "" : python.substring(at + 1, end);
    if (body.matches("\\d{1,9}")) {
      copy(body.length() + 2);
    } else if (body.matches("\\d{0,9},\\d{0,9}")) {
      put("{" + (body.startsWith(",") ? "0" : "") + body + "}", body.length() + 2);
    } else {
      put("\\{", 1);
    }
  }

  private void copy(int chars) {
    int end = Math.min(python.length(), at + chars);
    java.append(python, at, end);
    at = end;
  }

  private void put(String text, int chars) {
    java.append(text);
    at += chars;
  }

  private InputException refused(String why) {
    return new InputException(
        "the regular expression '%s' cannot be read: %s".formatted(python, why));
  }

  private static String oneLine(String text) {
    return text.replaceAll("\\s+", " ");
  }

  private static boolean bounded(String python, BooleanSupplier match) {
    try {
      return match.getAsBoolean();
    } catch (TooManyReads | StackOverflowError e) {
      throw new InputException(
          "the regular expression '%s' backtracks without end on a module path".formatted(python),
          e);
    }
  }

  private static final class TooManyReads extends IllegalStateException {
    private static final long serialVersionUID = 1L;
  }

  /// A text that limits the number of reads.
  private static final class Bounded implements CharSequence {
    private final String text;
    private int reads;

    Bounded(String text) {
      this.text = text;
    }

    @Override
    public char charAt(int i) {
      if (++reads > READS) {
        throw new TooManyReads();
      }
      return text.charAt(i);
    }

    @Override
    public int length() {
      return text.length();
    }

    @Override
    public CharSequence subSequence(int start, int end) {
      return text.subSequence(start, end);
    }

    @Override
    public String toString() {
      return text;
    }
  }
}
