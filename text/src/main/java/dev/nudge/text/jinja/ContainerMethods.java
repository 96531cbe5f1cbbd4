package dev.nudge.text.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The methods of lists and dicts; only a dialect with mutable values has those that change one.
///
/// A change replaces the list by a new one, so a running loop over it does not see the change;
/// Python's loop would reach an appended element.
final class ContainerMethods {
  private static final Set<String> OF_LISTS =
      Set.of("append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove");
  private static final Set<String> OF_DICTS =
      Set.of("clear", "pop", "popitem", "setdefault", "update");

  private ContainerMethods() {}

  /// Returns a method that changes its value, by name; null: not such a method.
  static @Nullable Value changing(Value value, String name, Budget budget) {
    if (!budget.dialect().changes()) {
      return null;
    }
    return switch (value) {
      case Items items when items.kind() == Items.Kind.LIST -> changing(items, name);
      case Dict dict -> changing(dict, name);
      default -> null;
    };
  }

  private static @Nullable Value changing(Items list, String name) {
    return switch (name) {
      case "append" -> new Callable(name, a -> append(list, List.of(one(name, a)), a));
      case "extend" -> new Callable(name, a -> append(list, Operators.iterate(one(name, a)), a));
      case "insert" -> new Callable(name, a -> insert(list, a));
      case "remove" -> new Callable(name, a -> remove(list, one(name, a)));
      case "pop" -> new Callable(name, a -> pop(list, a));
      case "clear" -> new Callable(name, a -> put(list, new ArrayList<>()));
      case "reverse" -> new Callable(name, a -> reverse(list));
      default -> null;
    };
  }

  private static @Nullable Value changing(Dict dict, String name) {
    return switch (name) {
      case "update" -> new Callable(name, a -> update(dict, a));
      case "setdefault" -> new Callable(name, a -> setDefault(dict, a));
      case "pop" -> new Callable(name, a -> pop(dict, a));
      case "clear" -> new Callable(name, a -> put(dict, new LinkedHashMap<>()));
      default -> null;
    };
  }

  private static Value one(String name, Arguments given) {
    return given.bind(name, "value").need("value");
  }

  private static Value put(Items list, List<Value> values) {
    list.change(values);
    return None.NONE;
  }

  private static Value put(Dict dict, Map<Value, Value> entries) {
    dict.change(entries);
    return None.NONE;
  }

  private static Value append(Items list, List<Value> more, Arguments given) {
    given.budget().elements((long) list.length() + more.size());
    List<Value> all = new ArrayList<>(list.values());
    all.addAll(more);
    return put(list, all);
  }

  private static Value insert(Items list, Arguments given) {
    Arguments arguments = given.bind("insert", "index", "value");
    int at = Arguments.whole(arguments.need("index"), "index");
    given.budget().elements(list.length() + 1L);
    List<Value> all = new ArrayList<>(list.values());
    all.add(
        Math.clamp(at < 0 ? at + (long) all.size() : at, 0, all.size()), arguments.need("value"));
    return put(list, all);
  }

  private static Value remove(Items list, Value value) {
    List<Value> all = new ArrayList<>(list.values());
    if (!all.remove(value)) {
      throw new Mistake("remove() does not find the value in the list");
    }
    return put(list, all);
  }

  private static Value pop(Items list, Arguments given) {
    int at = given.bind("pop", "index").whole("index", -1);
    List<Value> all = new ArrayList<>(list.values());
    at = at < 0 ? at + all.size() : at;
    if (at < 0 || at >= all.size()) {
      throw new Mistake("pop() finds no value at that place of the list");
    }
    Value gone = all.remove(at);
    list.change(all);
    return gone;
  }

  private static Value reverse(Items list) {
    List<Value> all = new ArrayList<>(list.values());
    Collections.reverse(all);
    return put(list, all);
  }

  private static Value update(Dict dict, Arguments given) {
    Map<Value, Value> all = new LinkedHashMap<>(dict.entries());
    if (given.positional().size() > 1) {
      throw new Mistake("update takes one dict");
    }
    for (Value from : given.positional()) {
      if (!(from instanceof Dict other)) {
        throw new Mistake("update takes a dict, not a " + from.type());
      }
      all.putAll(other.entries());
    }
    given.named().forEach((key, value) -> all.put(Text.of(key), value));
    given.budget().elements(all.size());
    return put(dict, all);
  }

  private static Value setDefault(Dict dict, Arguments given) {
    Arguments arguments = given.bind("setdefault", "key", "default");
    Value key = Operators.key(arguments.need("key"));
    Value found = dict.get(key);
    if (found != null) {
      return found;
    }
    given.budget().elements(dict.entries().size() + 1L);
    Map<Value, Value> all = new LinkedHashMap<>(dict.entries());
    Value made = arguments.get("default", None.NONE);
    all.put(key, made);
    dict.change(all);
    return made;
  }

  private static Value pop(Dict dict, Arguments given) {
    Arguments arguments = given.bind("pop", "key", "default");
    Map<Value, Value> all = new LinkedHashMap<>(dict.entries());
    Value gone = all.remove(Operators.key(arguments.need("key")));
    Value otherwise = arguments.get("default");
    if (gone == null && otherwise == null) {
      throw new Mistake("pop() does not find the key in the dict");
    }
    dict.change(all);
    return gone == null ? Objects.requireNonNull(otherwise) : gone;
  }

  static @Nullable Value of(Dict dict, String name) {
    if (OF_DICTS.contains(name)) {
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

  static @Nullable Value of(Items items, String name) {
    boolean list = items.kind() == Items.Kind.LIST;
    if (list && OF_LISTS.contains(name)) {
      return new Undefined("a template does not change a list; '" + name + "' is not allowed");
    }
    if (items.isGroup() && (name.equals("grouper") || name.equals("list"))) {
      return items.values().get(name.equals("list") ? 1 : 0);
    }
    return switch (name) {
      case "count" -> items.hasIndex() ? new Callable(name, a -> count(items, a)) : null;
      case "index" -> items.hasIndex() ? new Callable(name, a -> index(items, a)) : null;
      case "copy" -> list ? new Callable(name, a -> copy(items, a)) : null;
      default -> null;
    };
  }

  private static Value count(Items items, Arguments arguments) {
    Value value = arguments.bind("count", "value").need("value");
    return Num.of(Collections.frequency(items.values(), value));
  }

  private static Value index(Items items, Arguments arguments) {
    Value value = arguments.bind("index", "value").need("value");
    List<Value> all = items.values();
    if (!all.contains(value)) {
      throw new Mistake("index() does not find the value in the list");
    }
    return Num.of(all.indexOf(value));
  }

  private static Value copy(Items items, Arguments arguments) {
    arguments.bind("copy");
    return items.like(new ArrayList<>(items.values()));
  }
}
