package dev.nudge.eval.gate;

import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Reads the keys of a YAML map in a policy; errors name the key and the place.
final class PolicyKeys {
  private final String place;
  private final Map<?, ? extends @Nullable Object> map;

  /// @param place of the map, for messages
  PolicyKeys(String place, Map<?, ? extends @Nullable Object> map) {
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

  /// Refuses keys that are not known.
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

  /// The maps of a list, or a single map without the list; empty if the key is absent.
  List<PolicyKeys> entries(String key) {
    Object value = map.get(key);
    if (value == null) {
      if (map.containsKey(key)) {
        throw wrong(key, "a rule or a list of rules");
      }
      return List.of();
    }
    List<?> list = value instanceof List<?> several ? several : List.of(value);
    List<PolicyKeys> all = new ArrayList<>();
    for (int i = 0; i < list.size(); i++) {
      if (!(list.get(i) instanceof Map<?, ?> rule)) {
        throw new InputException(
            "%s: %s has %s; a rule is a map such as {task: name, …}"
                .formatted(place, key, shown(list.get(i))));
      }
      String which = list.size() == 1 ? "" : ", rule " + (i + 1);
      all.add(new PolicyKeys(place + ": " + key + which, rule));
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

  /// The value of a required key that must be one of the words in `known`.
  <T> T one(String key, Map<String, T> known) {
    Object value = map.get(key);
    T found = value instanceof String word ? known.get(word) : null;
    if (found == null) {
      throw wrong(key, Nearest.alternatives(known.keySet().stream().sorted().toList()));
    }
    return found;
  }
}
