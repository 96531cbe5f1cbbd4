package dev.nudge.text.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The methods of a list that do not change it.
final class ItemsMethods {
  private static final Set<String> CHANGING =
      Set.of("append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove");

  private ItemsMethods() {}

  static @Nullable Value of(Items items, String name) {
    boolean list = items.kind() == Items.Kind.LIST;
    if (list && CHANGING.contains(name)) {
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
