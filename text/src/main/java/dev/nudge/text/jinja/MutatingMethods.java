package dev.nudge.text.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The methods that change a list or a dict, in a dialect that has them.
///
/// A change replaces the list by a new one, so a loop over the list does not see it; Python's loop
/// would go on to an appended element.
final class MutatingMethods {
  private MutatingMethods() {}

  /// A method by its name; null: it is none of these.
  static @Nullable Value of(Value value, String name, Budget budget) {
    if (!budget.dialect().changes()) {
      return null;
    }
    return switch (value) {
      case Items items when items.kind() == Items.Kind.LIST -> of(items, name);
      case Dict dict -> of(dict, name);
      default -> null;
    };
  }

  private static @Nullable Value of(Items list, String name) {
    return switch (name) {
      case "append" -> method(name, a -> append(list, List.of(one(name, a)), a));
      case "extend" -> method(name, a -> append(list, Operators.iterate(one(name, a)), a));
      case "insert" -> method(name, a -> insert(list, a));
      case "remove" -> method(name, a -> remove(list, one(name, a)));
      case "pop" -> method(name, a -> pop(list, a));
      case "clear" -> method(name, a -> put(list, new ArrayList<>()));
      case "reverse" -> method(name, a -> reverse(list));
      default -> null;
    };
  }

  private static @Nullable Value of(Dict dict, String name) {
    return switch (name) {
      case "update" -> method(name, a -> update(dict, a));
      case "setdefault" -> method(name, a -> setDefault(dict, a));
      case "pop" -> method(name, a -> pop(dict, a));
      case "clear" -> method(name, a -> put(dict, new LinkedHashMap<>()));
      default -> null;
    };
  }

  private static Value method(String name, Callable.Function function) {
    return new Callable(name, function);
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
    return gone == null ? java.util.Objects.requireNonNull(otherwise) : gone;
  }
}
