package dev.nudge.text.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The methods of a dict that do not change it.
final class DictMethods {
  private static final Set<String> CHANGING =
      Set.of("clear", "pop", "popitem", "setdefault", "update");

  private DictMethods() {}

  static @Nullable Value of(Dict dict, String name) {
    if (CHANGING.contains(name)) {
      return new Undefined("a template does not change a dict; '" + name + "' is not allowed");
    }
    return switch (name) {
      case "get" -> new Callable(name, arguments -> get(dict, arguments));
      case "items" ->
          new Callable(name, arguments -> Items.view(items(none(arguments, dict)), "dict_items"));
      case "keys" ->
          new Callable(
              name,
              arguments ->
                  Items.view(
                      new ArrayList<>(none(arguments, dict).entries().keySet()), "dict_keys"));
      case "values" ->
          new Callable(
              name,
              arguments ->
                  Items.view(
                      new ArrayList<>(none(arguments, dict).entries().values()), "dict_values"));
      case "copy" ->
          new Callable(
              name,
              arguments ->
                  new Dict(new LinkedHashMap<>(none(arguments, dict).entries()), dict.origin()));
      case "fromkeys" -> throw MemberAccess.unknown(name, dict);
      default -> null;
    };
  }

  private static Dict none(Arguments arguments, Dict dict) {
    arguments.bind("the method");
    return dict;
  }

  private static Value get(Dict dict, Arguments arguments) {
    Arguments bound = arguments.bind("get", "key", "default");
    Value found = dict.get(Operators.key(bound.need("key")));
    return found == null ? bound.get("default", None.NONE) : found;
  }

  static List<Value> items(Dict dict) {
    List<Value> pairs = new ArrayList<>(dict.entries().size());
    for (Map.Entry<Value, Value> entry : dict.entries().entrySet()) {
      pairs.add(Items.tuple(List.of(entry.getKey(), entry.getValue())));
    }
    return pairs;
  }
}
