package dev.nudge.text.jinja;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// A Python sequence: a list, a tuple, the view of a dict, a range, or a generator, which can be
/// iterated once and has no length.
public final class Items implements Value {
  enum Kind {
    LIST("list"),
    TUPLE("tuple"),
    VIEW("dict view"),
    RANGE("range"),
    GENERATOR("generator");

    private final String python;

    Kind(String python) {
      this.python = python;
    }
  }

  private final Kind kind;
  private List<Value> values;
  private final long origin;
  private final String shown; // prefix of a printed view or range
  private boolean spent;

  private Items(Kind kind, List<Value> values, long origin, String shown) {
    this.kind = kind;
    this.values = values;
    this.origin = origin;
    this.shown = shown;
  }

  /// Makes a list whose brackets have an origin.
  public static Items of(List<Value> values, long origin) {
    return new Items(Kind.LIST, values, origin, "");
  }

  static Items list(List<Value> values) {
    return of(values, Origin.TEMPLATE);
  }

  static Items tuple(List<Value> values) {
    return new Items(Kind.TUPLE, values, Origin.TEMPLATE, "");
  }

  /// Makes a group of `groupby`: a tuple with the named parts `grouper` and `list`.
  static Items group(Value key, Items values) {
    return new Items(Kind.TUPLE, List.of(key, values), Origin.TEMPLATE, "group");
  }

  static Items generator(List<Value> values) {
    return new Items(Kind.GENERATOR, values, Origin.TEMPLATE, "");
  }

  static Items view(List<Value> values, String name) {
    return new Items(Kind.VIEW, values, Origin.TEMPLATE, name);
  }

  static Items range(List<Value> values, String shown) {
    return new Items(Kind.RANGE, values, Origin.TEMPLATE, shown);
  }

  /// Makes a sequence of the same kind with other values.
  Items like(List<Value> others) {
    return new Items(kind == Kind.RANGE ? Kind.LIST : kind, others, origin, shown);
  }

  Kind kind() {
    return kind;
  }

  String shown() {
    return shown;
  }

  long origin() {
    return origin;
  }

  /// Returns the values; a generator only the first time.
  List<Value> values() {
    if (kind == Kind.GENERATOR) {
      if (spent) {
        return List.of();
      }
      spent = true;
    }
    return values;
  }

  /// Replaces the values. A running loop over the list keeps the values that it began with.
  void change(List<Value> others) {
    values = others;
  }

  boolean isGroup() {
    return shown.equals("group") && values.size() == 2;
  }

  boolean hasLength() {
    return kind != Kind.GENERATOR;
  }

  boolean hasIndex() {
    return kind != Kind.GENERATOR && kind != Kind.VIEW;
  }

  int length() {
    if (kind == Kind.GENERATOR) {
      throw new Mistake("a generator has no length; put |list behind it");
    }
    return values.size();
  }

  @Override
  public String type() {
    return kind.python;
  }

  @Override
  public boolean isTrue() {
    return kind == Kind.GENERATOR || !values.isEmpty();
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return this == other
        || other instanceof Items items
            && kind == items.kind
            && kind != Kind.GENERATOR
            && values.equals(items.values);
  }

  @Override
  public int hashCode() {
    return values.hashCode();
  }
}
