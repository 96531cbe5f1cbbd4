package dev.nudge.text.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/// The filters of lists and dicts.
final class ListFilters {
  static final Map<String, Filters.Filter> ALL = new HashMap<>();

  static {
    ALL.put("length", (v, a) -> Num.of(Operators.length(Filters.none(v, a))));
    ALL.put("count", (v, a) -> Num.of(Operators.length(Filters.none(v, a))));
    ALL.put("list", (v, a) -> Items.list(new ArrayList<>(Operators.iterate(Filters.none(v, a)))));
    ALL.put("first", ListFilters::first);
    ALL.put("last", ListFilters::last);
    ALL.put("reverse", ListFilters::reverse);
    ALL.put("join", ListFilters::join);
    ALL.put("items", ListFilters::items);
    ALL.put("dictsort", ListFilters::dictSort);
    ALL.put("sort", ListFilters::sort);
    ALL.put("unique", ListFilters::unique);
    ALL.put("sum", ListFilters::sum);
    ALL.put("min", (v, a) -> extreme(v, a, "min"));
    ALL.put("max", (v, a) -> extreme(v, a, "max"));
    ALL.put("batch", ListFilters::batch);
    ALL.put("map", ListFilters::map);
    ALL.put("select", (v, a) -> chosen(v, a, true, false));
    ALL.put("reject", (v, a) -> chosen(v, a, false, false));
    ALL.put("selectattr", (v, a) -> chosen(v, a, true, true));
    ALL.put("rejectattr", (v, a) -> chosen(v, a, false, true));
  }

  private ListFilters() {}

  private static Value first(Value value, Arguments given) {
    List<Value> all = Operators.iterate(Filters.none(value, given));
    return all.isEmpty() ? new Undefined("there is no first item") : all.getFirst();
  }

  private static Value last(Value value, Arguments given) {
    List<Value> all = backwards(Filters.none(value, given));
    return all.isEmpty() ? new Undefined("there is no last item") : all.getLast();
  }

  private static List<Value> backwards(Value value) {
    if (value instanceof Items items && !items.hasLength()) {
      throw new Mistake("a generator has no end to begin with; put |list behind it");
    }
    return Operators.iterate(value);
  }

  private static Value reverse(Value value, Arguments given) {
    Filters.none(value, given);
    if (value instanceof Text) {
      return Operators.of(value, None.NONE, None.NONE, Num.of(-1), given.budget());
    }
    List<Value> all = new ArrayList<>(Operators.iterate(value));
    Collections.reverse(all);
    boolean was = value instanceof Items items && !items.hasLength(); // jinja returns a list here
    return was ? Items.list(all) : Items.generator(all);
  }

  private static Value join(Value value, Arguments given) {
    Arguments arguments = given.bind("join", "d", "attribute");
    Value attribute = arguments.get("attribute", None.NONE);
    List<Value> texts = new ArrayList<>();
    for (Value one : Operators.iterate(value)) {
      texts.add(Python.str(attribute == None.NONE ? one : MemberAccess.path(one, attribute)));
    }
    return given
        .budget()
        .made(StringMethods.join(Python.str(arguments.get("d", Text.EMPTY)), texts));
  }

  private static Value items(Value value, Arguments given) {
    Filters.none(value, given);
    return switch (value) {
      case Dict dict -> Items.generator(ContainerMethods.items(dict));
      case Undefined undefined -> Items.generator(List.of());
      default -> throw new Mistake("'items' needs a dict, not a " + value.type());
    };
  }

  static Value fold(Value value, boolean caseSensitive) {
    return !caseSensitive && value instanceof Text text ? StringMethods.lower(text) : value;
  }

  private static Comparator<Value> order(boolean reverse) {
    Comparator<Value> order = (a, b) -> Operators.compare(a, b, "<");
    return reverse ? order.reversed() : order;
  }

  private static Value dictSort(Value value, Arguments given) {
    Arguments arguments = given.bind("dictsort", "case_sensitive", "by", "reverse");
    if (!(value instanceof Dict dict)) {
      throw new Mistake("'dictsort' needs a dict, not a " + value.type());
    }
    Text by = arguments.textOrNull("by");
    boolean values = by != null && by.chars().equals("value");
    if (by != null && !values && !by.chars().equals("key")) {
      throw new Mistake("'dictsort' goes by key or value, not '" + by + "'");
    }
    boolean sensitive = arguments.is("case_sensitive", false);
    UnaryOperator<Value> key = pair -> fold(((Items) pair).values().get(values ? 1 : 0), sensitive);
    return sorted(ContainerMethods.items(dict), key, arguments.is("reverse", false));
  }

  static Items sorted(List<Value> all, UnaryOperator<Value> key, boolean reverse) {
    List<Value> sorted = new ArrayList<>(all);
    Comparator<Value> order = order(reverse);
    sorted.sort((a, b) -> order.compare(key.apply(a), key.apply(b)));
    return Items.list(sorted);
  }

  private static UnaryOperator<Value> key(Arguments arguments) {
    boolean sensitive = arguments.is("case_sensitive", false);
    Value attribute = arguments.get("attribute", None.NONE);
    return value ->
        fold(attribute == None.NONE ? value : MemberAccess.path(value, attribute), sensitive);
  }

  private static Value sort(Value value, Arguments given) {
    Arguments arguments = given.bind("sort", "reverse", "case_sensitive", "attribute");
    if (!(arguments.get("attribute") instanceof Text text) || !text.chars().contains(",")) {
      return sorted(Operators.iterate(value), key(arguments), arguments.is("reverse", false));
    }
    boolean sensitive = arguments.is("case_sensitive", false);
    List<String> paths = List.of(text.chars().split(",", -1));
    UnaryOperator<Value> key =
        one ->
            Items.list(
                paths.stream()
                    .map(path -> fold(MemberAccess.path(one, Text.of(path)), sensitive))
                    .toList());
    return sorted(Operators.iterate(value), key, arguments.is("reverse", false));
  }

  private static Value unique(Value value, Arguments given) {
    UnaryOperator<Value> key = key(given.bind("unique", "case_sensitive", "attribute"));
    Map<Value, Value> seen = new LinkedHashMap<>();
    for (Value one : Operators.iterate(value)) {
      seen.putIfAbsent(Operators.key(key.apply(one)), one);
    }
    return Items.generator(new ArrayList<>(seen.values()));
  }

  private static Value sum(Value value, Arguments given) {
    Arguments arguments = given.bind("sum", "attribute", "start");
    Value attribute = arguments.get("attribute", None.NONE);
    Value sum = arguments.get("start", Num.of(0));
    for (Value one : Operators.iterate(value)) {
      Value part = attribute == None.NONE ? one : MemberAccess.path(one, attribute);
      sum = Operators.add(sum, part, given.budget());
    }
    return sum;
  }

  private static Value extreme(Value value, Arguments given, String name) {
    UnaryOperator<Value> key = key(given.bind(name, "case_sensitive", "attribute"));
    Value found = null;
    for (Value one : Operators.iterate(value)) {
      int sign = found == null ? -1 : Operators.compare(key.apply(one), key.apply(found), "<");
      found = found == null || (name.equals("min") ? sign < 0 : sign > 0) ? one : found;
    }
    return found == null ? new Undefined("there is no item, the sequence is empty") : found;
  }

  private static Value batch(Value value, Arguments given) {
    Arguments arguments = given.bind("batch", "linecount", "fill_with");
    int count = Arguments.whole(arguments.need("linecount"), "linecount");
    Value fill = arguments.get("fill_with", None.NONE);
    if (count < 1) {
      throw new Mistake("'batch' needs a number above 0");
    }
    List<Value> rows = new ArrayList<>();
    List<Value> all = Operators.iterate(value);
    for (int i = 0; i < all.size(); i += count) {
      List<Value> row = new ArrayList<>(all.subList(i, Math.min(all.size(), i + count)));
      given.budget().elements(fill == None.NONE ? row.size() : count);
      while (fill != None.NONE && row.size() < count) {
        row.add(fill);
      }
      rows.add(Items.list(row));
    }
    return Items.generator(rows);
  }

  private static Value map(Value value, Arguments given) {
    Value attribute = given.get("attribute");
    List<Value> mapped = new ArrayList<>();
    if (given.positional().isEmpty()) {
      Arguments arguments = given.bind("map", "attribute", "default");
      Value path = attribute == null ? arguments.need("attribute") : attribute;
      Value otherwise = arguments.get("default", None.NONE);
      for (Value one : Operators.iterate(value)) {
        Value found = MemberAccess.path(one, path);
        boolean takes = found instanceof Undefined && otherwise != None.NONE;
        mapped.add(takes ? otherwise : found);
      }
      return Items.generator(mapped);
    }
    String name = Python.str(given.positional().getFirst()).chars();
    Filters.Filter filter = Filters.of(name, given.budget().dialect());
    if (filter == null) {
      throw new Mistake("the filter '" + name + "' is not known");
    }
    Arguments rest = given.from(1);
    for (Value one : Operators.iterate(value)) {
      mapped.add(filter.apply(one, rest));
    }
    return Items.generator(mapped);
  }

  private static Value chosen(Value value, Arguments given, boolean those, boolean byAttribute) {
    int skipped = byAttribute ? 1 : 0;
    List<Value> positional = given.positional();
    if (positional.size() < skipped) {
      throw new Mistake("'selectattr' needs the name of an attribute");
    }
    @Nullable Value attribute = byAttribute ? positional.getFirst() : null;
    Tests.Test test = (one, none) -> one.isTrue();
    Arguments rest = given.from(skipped);
    if (positional.size() > skipped) {
      String name = Python.str(positional.get(skipped)).chars();
      Tests.Test named = Tests.of(name);
      if (named == null) {
        throw new Mistake("the test '" + name + "' is not known");
      }
      test = named;
      rest = given.from(skipped + 1);
    }
    List<Value> chosen = new ArrayList<>();
    for (Value one : Operators.iterate(value)) {
      Value subject = attribute == null ? one : MemberAccess.path(one, attribute);
      if (test.holds(subject, rest) == those) {
        chosen.add(one);
      }
    }
    return Items.generator(chosen);
  }
}
