package dev.nudge.constrain;

import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// The constraints of a schema on objects. Schemas of values are as in [ListRule].
///
/// @param properties by name, in the order in which they are written
/// @param required names that must be present, with a schema of their own or not
/// @param others the schema of all other properties
record ObjectRule(Map<String, List<String>> properties, Set<String> required, List<String> others) {
  static final ObjectRule ANY = new ObjectRule(Map.of(), Set.of(), List.of());

  List<String> property(String name) {
    return properties.getOrDefault(name, others);
  }

  /// The names that have a place in the order: those with a schema, then those that are required.
  Set<String> names() {
    Set<String> names = new LinkedHashSet<>(properties.keySet());
    names.addAll(required);
    return names;
  }

  /// The objects of both.
  ObjectRule and(ObjectRule other) {
    Set<String> names = new LinkedHashSet<>(properties.keySet());
    names.addAll(other.properties.keySet());
    Map<String, List<String>> all = new LinkedHashMap<>();
    names.forEach(n -> all.put(n, Shape.both(property(n), other.property(n))));
    Set<String> needed = new LinkedHashSet<>(required);
    needed.addAll(other.required);
    return new ObjectRule(all, needed, Shape.both(others, other.others));
  }
}
