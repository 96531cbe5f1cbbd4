package dev.nudge.eval.task;

import dev.nudge.python.PythonText;
import dev.nudge.settings.InputException;
import dev.nudge.settings.PythonPattern;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Extracts from an answer the first non-empty group of the match that `group_select` picks,
/// stripped.
final class RegexFilter {
  static final Set<String> KEYS = Set.of("regex_pattern", "group_select", "fallback");
  private static final String PATTERN = "#### (\\-?[0-9\\.\\,]+)";
  private static final String FALLBACK = "[invalid]";

  private final String place;
  private final PythonPattern pattern;
  private final int which;
  private final String fallback;

  private RegexFilter(String place, PythonPattern pattern, int which, String fallback) {
    this.place = place;
    this.pattern = pattern;
    this.which = which;
    this.fallback = fallback;
  }

  static AnswerFilters.Step of(TaskKeys keys) {
    RegexFilter filter = read(keys);
    return AnswerFilters.only(
        keys,
        KEYS,
        AnswerFilters.each(
            keys,
            text -> {
              List<String> match = filter.match(filter.pattern, text);
              if (match == null) {
                return filter.fallback;
              }
              String found = filled(match);
              return found == null ? filter.fallback : PythonText.strip(found);
            }));
  }

  static RegexFilter read(TaskKeys keys) {
    Integer which = keys.whole("group_select");
    return new RegexFilter(
        keys.place(),
        compiled(keys, keys.text("regex_pattern", PATTERN)),
        which == null ? 0 : which,
        keys.text("fallback", FALLBACK));
  }

  static PythonPattern compiled(TaskKeys keys, String pattern) {
    try {
      return PythonPattern.of(pattern);
    } catch (InputException e) {
      throw new InputException(keys.place() + ": " + e.getMessage(), e);
    }
  }

  PythonPattern pattern() {
    return pattern;
  }

  String fallback() {
    return fallback;
  }

  /// The match selected by `group_select`; null if there is none.
  @Nullable List<String> match(PythonPattern by, String text) {
    List<List<String>> all = by.findAll(text);
    if (all.isEmpty()) {
      return null;
    }
    int at = which < 0 ? which + all.size() : which;
    if (at < 0 || at >= all.size()) {
      throw new AnswerException(
          "%s: group_select is %s, and an answer has %s matches; set it to 0 or -1"
              .formatted(place, which, all.size()));
    }
    return all.get(at);
  }

  /// Returns the first non-empty group; if the expression has a single group, that group.
  static @Nullable String filled(List<String> match) {
    if (match.size() == 1) {
      return match.getFirst();
    }
    return match.stream().filter(group -> !group.isEmpty()).findFirst().orElse(null);
  }
}
