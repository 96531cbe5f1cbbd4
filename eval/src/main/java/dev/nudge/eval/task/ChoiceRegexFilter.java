package dev.nudge.eval.task;

import dev.nudge.python.PythonText;
import dev.nudge.settings.InputException;
import dev.nudge.settings.PythonPattern;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Extracts the letter of a multiple choice from an answer, such as `(A)`: by a regular
/// expression, else by a choice's text in the answer, else by a letter after a colon.
///
/// The choices are the document's column `choices`.
final class ChoiceRegexFilter {
  private static final Pattern PUNCTUATION = Pattern.compile("\\p{IsPunctuation}");

  private final RegexFilter first;
  private final boolean ignoreCase;
  private final boolean ignorePunctuation;
  private final List<PythonPattern> ignored;

  private ChoiceRegexFilter(
      RegexFilter first,
      boolean ignoreCase,
      boolean ignorePunctuation,
      List<PythonPattern> ignored) {
    this.first = first;
    this.ignoreCase = ignoreCase;
    this.ignorePunctuation = ignorePunctuation;
    this.ignored = ignored;
  }

  static AnswerFilters.Step of(TaskKeys keys) {
    List<String> ignored = keys.texts("regexes_to_ignore");
    ChoiceRegexFilter filter =
        new ChoiceRegexFilter(
            RegexFilter.read(keys),
            keys.flag("ignore_case", false),
            keys.flag("ignore_punctuation", false),
            ignored == null
                ? List.of()
                : ignored.stream().map(one -> RegexFilter.compiled(keys, one)).toList());
    Set<String> known = new TreeSet<>(RegexFilter.KEYS);
    known.addAll(Set.of("ignore_case", "ignore_punctuation", "regexes_to_ignore"));
    return AnswerFilters.only(
        keys,
        known,
        (answers, doc) ->
            AnswerFilters.each(keys, text -> filter.letter(text, choices(keys, doc)))
                .of(answers, doc));
  }

  private static List<String> choices(TaskKeys keys, JsonNode doc) {
    List<String> choices = new ArrayList<>();
    for (JsonNode choice : doc.path("choices")) {
      if (choice.isString()) {
        choices.add(choice.stringValue());
      }
    }
    if (choices.isEmpty()) {
      throw new InputException(
          "%s: multi_choice_regex needs a column choices, a list of texts, and a document has none"
              .formatted(keys.place()));
    }
    return choices;
  }

  private String letter(String answer, List<String> choices) {
    String found = found(first.pattern(), answer, Map.of());
    if (!found.isEmpty()) {
      return found;
    }
    Map<String, String> byText = new HashMap<>();
    List<String> texts = new ArrayList<>();
    Map<String, String> byLetter = new HashMap<>();
    for (int i = 0; i < choices.size(); i++) {
      String letter = Character.toString('A' + i);
      String text = kept(PythonText.strip(choices.get(i)));
      byText.put(text, "(" + letter + ")");
      texts.add(text);
      byLetter.put(letter, "(" + letter + ")");
    }
    found = found(PythonPattern.of(any(texts)), kept(answer), byText);
    if (!found.isEmpty()) {
      return found;
    }
    String letters = String.join("|", byLetter.keySet().stream().sorted().toList());
    found = found(PythonPattern.of(":[\\s]*(" + letters + ")"), answer, byLetter);
    return found.isEmpty() ? first.fallback() : found;
  }

  private String found(PythonPattern by, String text, Map<String, String> letters) {
    List<String> match = first.match(by, text);
    @Nullable String filled = match == null ? null : RegexFilter.filled(match);
    String stripped = filled == null ? "" : PythonText.strip(filled);
    return stripped.isEmpty() ? "" : letters.getOrDefault(stripped, stripped);
  }

  /// Returns a pattern that matches any of some texts, the longest first.
  private static String any(List<String> texts) {
    return String.join(
        "|",
        texts.stream()
            .map(ChoiceRegexFilter::escaped)
            .sorted(
                Comparator.comparingInt((String s) -> s.codePointCount(0, s.length())).reversed())
            .toList());
  }

  /// Python's `re.escape`.
  private static String escaped(String text) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      out.append("()[]{}?*+-|^$\\.&~# \t\n\r\u000B\f".indexOf(c) >= 0 ? "\\" : "").append(c);
    }
    return out.toString();
  }

  private String kept(String text) {
    String kept = text;
    for (PythonPattern pattern : ignored) {
      kept = pattern.replace(kept, "", 0);
    }
    kept = ignoreCase ? kept.toLowerCase(Locale.ROOT) : kept;
    return ignorePunctuation ? PUNCTUATION.matcher(kept).replaceAll("") : kept;
  }
}
