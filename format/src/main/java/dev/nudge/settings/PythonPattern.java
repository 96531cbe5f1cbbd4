package dev.nudge.settings;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Searches and replaces by Python's regular expressions, as `re.findall` and `re.sub` do.
///
/// Threading: any number of threads.
public final class PythonPattern {
  private final String python;
  private final Pattern pattern;
  private final Map<String, Integer> numbers;

  private PythonPattern(String python) {
    this.python = python;
    this.pattern = PythonRegex.compile(python);
    this.numbers = PythonRegex.numbers(python);
  }

  /// Compiles an expression.
  ///
  /// @throws InputException if it is malformed or has unsupported constructs
  public static PythonPattern of(String python) {
    return new PythonPattern(python);
  }

  /// Returns the groups of each match, or the match itself if there are no groups. An unmatched
  /// group is empty.
  public List<List<String>> findAll(String text) {
    return bounded(
        () -> {
          Matcher matcher = pattern.matcher(text);
          List<List<String>> all = new ArrayList<>();
          while (matcher.find()) {
            List<String> groups = new ArrayList<>();
            for (int i = Math.min(1, matcher.groupCount()); i <= matcher.groupCount(); i++) {
              groups.add(orEmpty(matcher.group(i)));
            }
            all.add(groups);
          }
          return all;
        });
  }

  /// Replaces matches.
  ///
  /// @param by replacement, with `\1`, `\g<1>` and `\g<name>` for groups
  /// @param count most replacements; 0: all
  public String replace(String text, String by, int count) {
    return bounded(
        () -> {
          Matcher matcher = pattern.matcher(text);
          StringBuilder out = new StringBuilder();
          int from = 0;
          for (int done = 0; (count <= 0 || done < count) && matcher.find(); done++) {
            out.append(text, from, matcher.start());
            expand(by, matcher, out);
            from = matcher.end();
          }
          return out.append(text, from, text.length()).toString();
        });
  }

  private interface Work<T> {
    T done();
  }

  private <T> T bounded(Work<T> work) {
    try {
      return work.done();
    } catch (StackOverflowError e) {
      throw new InputException(
          "the regular expression '%s' is too deep for a text".formatted(python), e);
    }
  }

  private void expand(String by, Matcher matcher, StringBuilder out) {
    int at = 0;
    while (at < by.length()) {
      char c = by.charAt(at);
      if (c != '\\') {
        out.append(c);
        at++;
        continue;
      }
      char next = at + 1 < by.length() ? by.charAt(at + 1) : 0;
      int end = at + 2;
      if (next == 'g' && by.startsWith("<", end)) {
        int close = by.indexOf('>', end);
        out.append(named(close < 0 ? "" : by.substring(end + 1, close), matcher));
        at = close + 1;
      } else if (next >= '1' && next <= '9') {
        boolean twoDigits = end < by.length() && Character.isDigit(by.charAt(end));
        at = twoDigits ? end + 1 : end;
        out.append(group(Integer.parseInt(by.substring(end - 1, at)), matcher));
      } else {
        out.append(escaped(next));
        at = end;
      }
    }
  }

  private String named(String name, Matcher matcher) {
    Integer number = name.matches("\\d{1,4}") ? Integer.valueOf(name) : numbers.get(name);
    if (number == null) {
      throw new InputException(
          "the regular expression '%s' has no group '%s', which its replacement names"
              .formatted(python, name));
    }
    return group(number, matcher);
  }

  private String group(int number, Matcher matcher) {
    if (number > matcher.groupCount()) {
      throw new InputException(
          "the regular expression '%s' has no group %d, which its replacement names"
              .formatted(python, number));
    }
    return orEmpty(matcher.group(number));
  }

  private String escaped(char c) {
    return switch (c) {
      case 'n' -> "\n";
      case 't' -> "\t";
      case 'r' -> "\r";
      case 'f' -> "\f";
      case 'v' -> "\u000B";
      case 'a' -> "\u0007";
      case 'b' -> "\b";
      case '\\' -> "\\";
      case '0' -> "\0";
      default -> {
        if (c == 0 || c < 128 && Character.isLetter(c)) {
          throw new InputException(
              "the replacement of the regular expression '%s' has a '\\%s', which is no escape of Python's re"
                  .formatted(python, c == 0 ? "" : c));
        }
        yield "\\" + c;
      }
    };
  }

  private static String orEmpty(@Nullable String group) {
    return group == null ? "" : group;
  }
}
