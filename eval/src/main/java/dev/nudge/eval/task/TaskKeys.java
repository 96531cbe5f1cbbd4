package dev.nudge.eval.task;

import dev.nudge.settings.InputException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Typed access to the keys of a map in a task file; errors name the key and the place.
final class TaskKeys {
  private final String place;
  private final Map<?, ? extends @Nullable Object> map;

  /// @param place place of the map, for messages: a file, perhaps with a key
  TaskKeys(String place, Map<?, ? extends @Nullable Object> map) {
    this.place = place;
    this.map = map;
  }

  String place() {
    return place;
  }

  InputException wrong(String key, String must) {
    return new InputException(
        "%s: %s is %s; it must be %s".formatted(place, key, TaskYaml.shown(map.get(key)), must));
  }

  /// Rejects unknown keys.
  void only(Set<String> known) {
    for (Object key : map.keySet()) {
      if (!(key instanceof String name) || !known.contains(name)) {
        throw new InputException(
            "%s: %s is no key that is known there".formatted(place, TaskYaml.shown(key)));
      }
    }
  }

  @Nullable Object get(String key) {
    return map.get(key);
  }

  boolean has(String key) {
    return map.get(key) != null;
  }

  @Nullable String text(String key) {
    Object value = map.get(key);
    if (value == null || value instanceof String) {
      return (String) value;
    }
    throw wrong(key, "a text");
  }

  String text(String key, String otherwise) {
    String value = text(key);
    return value == null ? otherwise : value;
  }

  @Nullable Integer whole(String key) {
    Object value = map.get(key);
    if (value == null) {
      return null;
    }
    if (value instanceof Long number
        && number >= Integer.MIN_VALUE
        && number <= Integer.MAX_VALUE) {
      return number.intValue();
    }
    throw wrong(key, "a whole number");
  }

  int whole(String key, int otherwise, int least) {
    Integer value = whole(key);
    if (value != null && value < least) {
      throw wrong(key, "at least " + least);
    }
    return value == null ? otherwise : value;
  }

  double real(String key, double otherwise) {
    Object value = map.get(key);
    if (value == null) {
      return otherwise;
    }
    if (value instanceof Number number) {
      return number.doubleValue();
    }
    if (value instanceof String text) {
      try {
        return Double.parseDouble(text); // PyYAML reads 1e-3 as a text
      } catch (NumberFormatException e) {
        throw wrong(key, "a number");
      }
    }
    throw wrong(key, "a number");
  }

  boolean flag(String key, boolean otherwise) {
    Object value = map.get(key);
    if (value == null) {
      return otherwise;
    }
    if (value instanceof Boolean flag) {
      return flag;
    }
    throw wrong(key, "true or false");
  }

  /// A list of texts, or a single text.
  @Nullable List<String> texts(String key) {
    Object value = map.get(key);
    if (value == null) {
      return null;
    }
    List<?> list = value instanceof List<?> several ? several : List.of(value);
    if (!list.stream().allMatch(String.class::isInstance)) {
      throw wrong(key, "a text or a list of texts");
    }
    return list.stream().map(String.class::cast).toList();
  }

  @Nullable List<?> list(String key) {
    Object value = map.get(key);
    if (value == null || value instanceof List<?>) {
      return (List<?>) value;
    }
    throw wrong(key, "a list");
  }

  @Nullable TaskKeys map(String key) {
    Object value = map.get(key);
    if (value == null) {
      return null;
    }
    if (value instanceof Map<?, ?> inner) {
      return new TaskKeys(place + ": " + key, inner);
    }
    throw wrong(key, "a map");
  }

  /// Returns a list entry that must be a map.
  TaskKeys entry(String key, @Nullable Object entry) {
    if (entry instanceof Map<?, ?> inner) {
      return new TaskKeys(place + ": " + key, inner);
    }
    throw new InputException(
        "%s: %s has the entry %s; it must be a map".formatted(place, key, TaskYaml.shown(entry)));
  }

  /// All keys, as text, with their values.
  Map<String, @Nullable Object> all() {
    Map<String, @Nullable Object> all = new LinkedHashMap<>();
    map.forEach((key, value) -> all.put(String.valueOf(key), value));
    return all;
  }

  Map<?, ? extends @Nullable Object> raw() {
    return map;
  }
}
