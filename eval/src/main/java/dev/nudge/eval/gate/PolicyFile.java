package dev.nudge.eval.gate;

import dev.nudge.eval.gate.Rule.By;
import dev.nudge.eval.gate.Rule.Kind;
import dev.nudge.eval.gate.Rule.On;
import dev.nudge.eval.leak.LeakKind;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import tools.jackson.core.JacksonException;

/// Reads a policy file: YAML 1.2, or JSON with the same keys.
///
///     confidence: 0.95                 # of all rules that do not say their own
///     improve:
///       - {task: legal, metric: acc, by: 0.02}
///     retain:
///       - {task: general, metric: acc, margin: 0.02}
///     floor:
///       - {task: legal, metric: acc, at_least: 0.6, judged_by: bound}
///     ceiling:
///       - {task: prose, metric: bits_per_byte, at_most: 1.2, judged_by: point}
///     judge:
///       - {task: support, at_least: 0.5}
///     leakage: {at_most: 0.01}
///     latency: {seconds_per_request: 0.5}
///
/// A single rule needs no list.
public final class PolicyFile {
  private static final List<String> KINDS = Kind.words();
  private static final double CONFIDENCE = 0.95;

  private PolicyFile() {}

  /// Reads a file.
  ///
  /// @throws InputException in one line, if the file cannot be read or a rule is wrong
  public static Policy read(Path file) {
    try {
      return parse(file.toString(), Files.readString(file));
    } catch (NoSuchFileException e) {
      throw new InputException("--policy is " + file + "; there is no such file", e);
    } catch (CharacterCodingException e) {
      throw new InputException(file + " is not UTF-8 text", e);
    } catch (IOException e) {
      throw new InputException(
          "--policy is " + file + "; it cannot be read: " + OutFolder.reason(e), e);
    }
  }

  /// Parses the text of a policy.
  ///
  /// @param place the file, for messages
  public static Policy parse(String place, String text) {
    Keys all = new Keys(place, document(place, text));
    all.only("confidence", KINDS);
    double confidence = confidence(all, CONFIDENCE);
    List<Rule> rules = new ArrayList<>();
    for (Kind kind : Kind.values()) {
      for (Keys one : all.entries(kind.word())) {
        rules.addAll(rules(kind, one, confidence));
      }
    }
    if (rules.isEmpty()) {
      throw new InputException(
          "%s holds no rule; a policy has at least one of %s"
              .formatted(place, String.join(", ", KINDS)));
    }
    return new Policy(place, rules);
  }

  private static Map<?, ? extends @Nullable Object> document(String place, String text) {
    Object document = text.stripLeading().startsWith("{") ? json(place, text) : yaml(place, text);
    if (document instanceof Map<?, ?> map) {
      return map;
    }
    throw new InputException(
        "%s holds no rule; a policy has keys such as improve and retain".formatted(place));
  }

  private static @Nullable Object json(String place, String text) {
    try {
      return Json.plain(Json.parseStrictly(text));
    } catch (JacksonException e) {
      return yaml(place, text); // a YAML map may also begin with a brace
    }
  }

  private static @Nullable Object yaml(String place, String text) {
    LoadSettings strict =
        LoadSettings.builder()
            .setAllowDuplicateKeys(false)
            .setMaxAliasesForCollections(10)
            .setLabel(place)
            .build();
    try {
      return new Load(strict).loadFromString(text);
    } catch (MarkedYamlEngineException e) {
      String where =
          e.getProblemMark()
              .map(m -> " line " + (m.getLine() + 1) + ", column " + (m.getColumn() + 1))
              .orElse("");
      String problem = String.valueOf(e.getProblem()).lines().findFirst().orElse("");
      throw new InputException(place + where + ": this is not YAML: " + problem, e);
    } catch (YamlEngineException e) {
      throw new InputException(place + ": a character or a part of it is not YAML", e);
    }
  }

  private static List<Rule> rules(Kind kind, Keys keys, double confidence) {
    return switch (kind) {
      case IMPROVE -> {
        keys.only("task", List.of("metric", "filter", "by", "confidence"));
        yield List.of(
            new Rule.Improve(on(keys), keys.notNegative("by", 0.0), confidence(keys, confidence)));
      }
      case RETAIN -> {
        keys.only("task", List.of("metric", "filter", "margin", "confidence"));
        double margin = keys.positive("margin");
        yield List.of(new Rule.Retain(on(keys), margin, confidence(keys, confidence)));
      }
      case FLOOR, CEILING -> {
        boolean floor = kind == Kind.FLOOR;
        String limit = floor ? "at_least" : "at_most";
        keys.only("task", List.of("metric", "filter", limit, "judged_by", "confidence"));
        By by = keys.one("judged_by", Map.of("bound", By.BOUND, "point", By.POINT));
        yield List.of(
            new Rule.Limit(on(keys), floor, keys.number(limit), by, confidence(keys, confidence)));
      }
      case JUDGE -> {
        keys.only("task", List.of("at_least", "confidence"));
        double least = keys.number("at_least");
        if (!(least > 0 && least < 1)) {
          throw keys.wrong("at_least", "a share above 0 and below 1");
        }
        yield List.of(new Rule.Judge(keys.needed("task"), least, confidence(keys, confidence)));
      }
      case LEAKAGE -> {
        keys.only("task", List.of("at_most", "kinds"));
        yield List.of(new Rule.Leakage(keys.text("task"), keys.share("at_most"), kinds(keys)));
      }
      case LATENCY -> latency(keys);
    };
  }

  private static On on(Keys keys) {
    String metric = keys.needed("metric");
    String filter = keys.text("filter");
    int comma = metric.indexOf(',');
    if (comma >= 0 && filter == null) { // `METRIC,FILTER`, as in results
      return new On(
          keys.needed("task"), metric.substring(0, comma), metric.substring(comma + 1).strip());
    }
    return new On(keys.needed("task"), metric, filter);
  }

  private static double confidence(Keys keys, double otherwise) {
    double confidence = keys.number("confidence", otherwise);
    if (!(confidence > 0.5 && confidence < 1)) { // at 0.5 a one-sided bound is the value itself
      throw keys.wrong("confidence", "above 0.5 and below 1");
    }
    return confidence;
  }

  private static Set<LeakKind> kinds(Keys keys) {
    List<String> named = keys.texts("kinds");
    if (named == null) {
      return EnumSet.allOf(LeakKind.class);
    }
    Set<LeakKind> kinds = EnumSet.noneOf(LeakKind.class);
    for (String name : named) {
      LeakKind found = null;
      for (LeakKind kind : LeakKind.values()) {
        found = kind.name().equalsIgnoreCase(name) ? kind : found;
      }
      if (found == null) {
        throw keys.wrong("kinds", "a list of exact, normalised, runs, near");
      }
      kinds.add(found);
    }
    if (kinds.isEmpty()) {
      throw keys.wrong("kinds", "a list of exact, normalised, runs, near");
    }
    return kinds;
  }

  private static List<Rule> latency(Keys keys) {
    keys.only("seconds_per_request", List.of("tokens_per_second"));
    List<Rule> rules = new ArrayList<>();
    if (keys.has("seconds_per_request")) {
      rules.add(new Rule.Latency(true, keys.positive("seconds_per_request")));
    }
    if (keys.has("tokens_per_second")) {
      rules.add(new Rule.Latency(false, keys.positive("tokens_per_second")));
    }
    if (rules.isEmpty()) {
      throw new InputException(
          "%s says nothing; it has seconds_per_request, tokens_per_second or both"
              .formatted(keys.place()));
    }
    return rules;
  }

  /// Reads the keys of a YAML map in a policy; errors name the key and the place.
  static final class Keys {
    private final String place;
    private final Map<?, ? extends @Nullable Object> map;

    /// @param place place of the map, for messages
    Keys(String place, Map<?, ? extends @Nullable Object> map) {
      this.place = place;
      this.map = map;
    }

    String place() {
      return place;
    }

    InputException wrong(String key, String must) {
      return new InputException(
          map.containsKey(key)
              ? "%s: %s is %s; it must be %s".formatted(place, key, shown(map.get(key)), must)
              : "%s: %s is missing; it must be %s".formatted(place, key, must));
    }

    private static String shown(@Nullable Object value) {
      return value instanceof String text ? "'" + text + "'" : String.valueOf(value);
    }

    /// Refuses unknown keys.
    void only(String first, List<String> others) {
      List<String> known = new ArrayList<>(List.of(first));
      known.addAll(others);
      for (Object key : map.keySet()) {
        if (!(key instanceof String name) || !known.contains(name)) {
          throw new InputException(
              "%s: %s is no key there; there are %s%s"
                  .formatted(
                      place,
                      shown(key),
                      String.join(", ", known),
                      Nearest.hint(String.valueOf(key), known)));
        }
      }
    }

    boolean has(String key) {
      return map.get(key) != null;
    }

    /// Returns the maps of a list, or a single map without the list; empty if the key is absent.
    List<Keys> entries(String key) {
      Object value = map.get(key);
      if (value == null) {
        if (map.containsKey(key)) {
          throw wrong(key, "a rule or a list of rules");
        }
        return List.of();
      }
      List<?> list = value instanceof List<?> several ? several : List.of(value);
      List<Keys> all = new ArrayList<>();
      for (int i = 0; i < list.size(); i++) {
        if (!(list.get(i) instanceof Map<?, ?> rule)) {
          throw new InputException(
              "%s: %s has %s; a rule is a map such as {task: name, …}"
                  .formatted(place, key, shown(list.get(i))));
        }
        String which = list.size() == 1 ? "" : ", rule " + (i + 1);
        all.add(new Keys(place + ": " + key + which, rule));
      }
      return all;
    }

    @Nullable String text(String key) {
      Object value = map.get(key);
      if (value == null || value instanceof String text && !text.isBlank()) {
        return (String) value;
      }
      throw wrong(key, "a name");
    }

    String needed(String key) {
      String text = text(key);
      if (text == null) {
        throw wrong(key, "a name");
      }
      return text;
    }

    @Nullable List<String> texts(String key) {
      Object value = map.get(key);
      if (value == null) {
        return null;
      }
      List<?> list = value instanceof List<?> several ? several : List.of(value);
      List<String> texts = new ArrayList<>();
      list.forEach(one -> texts.add(String.valueOf(one)));
      return texts;
    }

    double number(String key, @Nullable Double otherwise) {
      Object value = map.get(key);
      if (value == null && otherwise != null) {
        return otherwise;
      }
      if (value instanceof Number number && Double.isFinite(number.doubleValue())) {
        return number.doubleValue();
      }
      throw wrong(key, "a number");
    }

    double number(String key) {
      return number(key, null);
    }

    double notNegative(String key, double otherwise) {
      double number = number(key, otherwise);
      if (number < 0) {
        throw wrong(key, "0 or more");
      }
      return number;
    }

    double positive(String key) {
      double number = number(key);
      if (!(number > 0)) {
        throw wrong(key, "above 0");
      }
      return number;
    }

    double share(String key) {
      double number = number(key);
      if (!(number >= 0 && number <= 1)) {
        throw wrong(key, "a share from 0 to 1");
      }
      return number;
    }

    /// Returns the value of a required key that must be one of the words in `known`.
    <T> T one(String key, Map<String, T> known) {
      Object value = map.get(key);
      T found = value instanceof String word ? known.get(word) : null;
      if (found == null) {
        throw wrong(key, Nearest.alternatives(known.keySet().stream().sorted().toList()));
      }
      return found;
    }
  }
}
