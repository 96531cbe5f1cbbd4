package dev.nudge.eval.task;

import dev.nudge.python.PythonText;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import dev.nudge.settings.PythonPattern;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// The filter pipelines of a task, which extract the scored answer from generated text.
///
/// The answers to a request are a list that passes each filter in turn; `take_first` reduces it to
/// its first element. Every pipeline of a task starts from the same answers, and its name is part
/// of the metric's key.
public final class AnswerFilters {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  /// One filter, applied to the answers to a request and the document.
  interface Step {
    JsonNode of(JsonNode answers, JsonNode doc);
  }

  /// Creates a filter from its keys.
  private interface Maker {
    Step of(TaskKeys keys);
  }

  private static final Map<String, Maker> ALL = new HashMap<>();

  static {
    ALL.put("take_first", keys -> only(keys, Set.of(), (answers, doc) -> first(keys, answers)));
    ALL.put("take_first_k", AnswerFilters::takeFirst);
    ALL.put(
        "majority_vote",
        keys -> only(keys, Set.of(), (a, doc) -> NODES.arrayNode().add(vote(keys, a))));
    ALL.put("remove_whitespace", keys -> only(keys, Set.of(), each(keys, PythonText::strip)));
    ALL.put("lowercase", keys -> only(keys, Set.of(), each(keys, t -> t.toLowerCase(Locale.ROOT))));
    ALL.put("uppercase", keys -> only(keys, Set.of(), each(keys, t -> t.toUpperCase(Locale.ROOT))));
    ALL.put("map", AnswerFilters::map);
    ALL.put("regex", RegexFilter::of);
    ALL.put("multi_choice_regex", ChoiceRegexFilter::of);
  }

  private final Map<String, List<Step>> pipelines = new LinkedHashMap<>();

  private AnswerFilters() {}

  /// Creates the filters of a task.
  ///
  /// @throws InputException in one line, if a filter is unknown or misconfigured
  public static AnswerFilters of(TaskConfig config) {
    AnswerFilters filters = new AnswerFilters();
    for (FilterConfig pipeline : config.filters()) {
      List<Step> steps = new ArrayList<>();
      for (TaskKeys keys : pipeline.steps()) {
        steps.add(step(keys));
      }
      filters.pipelines.put(
          pipeline.name(), steps.isEmpty() ? List.of((answers, doc) -> answers.get(0)) : steps);
    }
    return filters;
  }

  private static Step step(TaskKeys keys) {
    if (keys.get("function") instanceof PythonFunction function) {
      throw Refused.scoring(keys.place(), "function", function);
    }
    String name = keys.text("function");
    Maker maker = name == null ? null : ALL.get(name);
    if (name == null || maker == null) {
      throw new InputException(
          "%s: the filter %s is not known; there are %s%s"
              .formatted(
                  keys.place(),
                  name,
                  String.join(", ", new TreeSet<>(ALL.keySet())),
                  name == null ? "" : Nearest.hint(name, ALL.keySet())));
    }
    return maker.of(keys);
  }

  /// Returns the names of the pipelines.
  public List<String> names() {
    return List.copyOf(pipelines.keySet());
  }

  /// Applies a pipeline to the answers to a request.
  ///
  /// @param answers a list
  public JsonNode apply(String pipeline, JsonNode answers, JsonNode doc) {
    JsonNode result = answers;
    for (Step step : pipelines.getOrDefault(pipeline, List.of())) {
      result = step.of(result, doc);
    }
    return result;
  }

  static Step only(TaskKeys keys, Set<String> known, Step step) {
    Set<String> all = new TreeSet<>(known);
    all.add("function");
    keys.only(all);
    return step;
  }

  /// Returns the answers as texts; null for an answer that is not a text.
  static List<@Nullable String> texts(TaskKeys keys, JsonNode answers) {
    if (!answers.isArray()) {
      throw new InputException(
          "%s: the filter %s stands behind take_first, which leaves one answer; put it before"
              .formatted(keys.place(), keys.get("function")));
    }
    List<@Nullable String> texts = new ArrayList<>();
    answers.forEach(one -> texts.add(one.isString() ? one.stringValue() : null));
    return texts;
  }

  /// A text transformation.
  interface Change {
    String of(String text);
  }

  static Step each(TaskKeys keys, Change change) {
    return (answers, doc) -> {
      ArrayNode all = NODES.arrayNode();
      for (String text : texts(keys, answers)) {
        all.add(change.of(text == null ? "" : text));
      }
      return all;
    };
  }

  private static JsonNode first(TaskKeys keys, JsonNode answers) {
    if (!answers.isArray() || answers.isEmpty()) {
      throw new InputException(
          "%s: take_first finds no list of answers; leave the second one out"
              .formatted(keys.place()));
    }
    return answers.get(0);
  }

  private static Step takeFirst(TaskKeys keys) {
    int k = keys.whole("k", 0, 1);
    if (k < 1) {
      throw keys.wrong("k", "how many answers are taken");
    }
    return only(
        keys,
        Set.of("k"),
        (answers, doc) -> {
          if (answers.size() < k) {
            throw new InputException(
                "%s: take_first_k wants %s answers and there are %s; raise repeats"
                    .formatted(keys.place(), k, answers.size()));
          }
          ArrayNode some = NODES.arrayNode();
          for (int i = 0; i < k; i++) {
            some.add(answers.get(i));
          }
          return some;
        });
  }

  /// Majority vote: the most frequent answer, the first of equal ones.
  private static JsonNode vote(TaskKeys keys, JsonNode answers) {
    if (!answers.isArray() || answers.isEmpty()) {
      throw new InputException(
          "%s: majority_vote finds no list of answers; put it before take_first"
              .formatted(keys.place()));
    }
    Map<JsonNode, Integer> counts = new LinkedHashMap<>();
    answers.forEach(one -> counts.merge(one, 1, Integer::sum));
    JsonNode most = answers.get(0);
    for (Map.Entry<JsonNode, Integer> entry : counts.entrySet()) {
      most = entry.getValue() > counts.getOrDefault(most, 0) ? entry.getKey() : most;
    }
    return most;
  }

  private static Step map(TaskKeys keys) {
    TaskKeys mapping = keys.map("mapping_dict");
    Map<Object, JsonNode> by = new HashMap<>();
    if (mapping != null) {
      mapping.raw().forEach((key, value) -> by.put(key, json(value)));
    }
    JsonNode otherwise = json(keys.get("default_value"));
    return only(
        keys,
        Set.of("mapping_dict", "default_value"),
        (answers, doc) -> {
          ArrayNode all = NODES.arrayNode();
          for (String text : texts(keys, answers)) {
            all.add(text == null ? otherwise : by.getOrDefault(text, otherwise));
          }
          return all;
        });
  }

  private static JsonNode json(@Nullable Object value) {
    return value == null ? NODES.nullNode() : dev.nudge.format.Json.tree(value);
  }

  /// Extracts the letter of a multiple choice from an answer, such as `(A)`: by a regular
  /// expression, else by a choice's text in the answer, else by a letter after a colon.
  ///
  /// The choices are the document's column `choices`.
  private static final class ChoiceRegexFilter {
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

    /// A pattern that matches any of some texts, the longest first.
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
}
