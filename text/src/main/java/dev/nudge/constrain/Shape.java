package dev.nudge.constrain;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// A schema without references and branches: constraints on each type of value. A schema is a union
/// of shapes.
///
/// @param kinds allowed types of values
/// @param values the only values allowed, if the other constraints allow them too; null: any
record Shape(
    Set<Kind> kinds,
    NumberRule number,
    TextRule text,
    ListRule list,
    ObjectRule object,
    @Nullable List<JsonNode> values) {
  /// Kinds of JSON values.
  enum Kind {
    NULL,
    BOOLEAN,
    NUMBER,
    STRING,
    ARRAY,
    OBJECT;

    static Kind of(JsonNode value) {
      return switch (value.getNodeType()) {
        case BOOLEAN -> BOOLEAN;
        case NUMBER -> NUMBER;
        case STRING -> STRING;
        case ARRAY -> ARRAY;
        case OBJECT -> OBJECT;
        case NULL, MISSING, BINARY, POJO -> NULL; // JSON text has none of the last three
      };
    }
  }

  static final Shape ANY =
      new Shape(
          EnumSet.allOf(Kind.class),
          NumberRule.ANY,
          TextRule.ANY,
          ListRule.ANY,
          ObjectRule.ANY,
          null);

  /// Estimates the number of its parts.
  int size() {
    int names = object.properties().size() + object.required().size();
    return 4 + names + list.first().size() + (values == null ? 0 : values.size());
  }

  Shape with(Set<Kind> kinds) {
    return new Shape(kinds, number, text, list, object, values);
  }

  Shape with(NumberRule rule) {
    return new Shape(kinds, number.and(rule), text, list, object, values);
  }

  Shape with(TextRule rule) {
    return new Shape(kinds, number, text.and(rule), list, object, values);
  }

  Shape with(ListRule rule) {
    return new Shape(kinds, number, text, list.and(rule), object, values);
  }

  Shape with(ObjectRule rule) {
    return new Shape(kinds, number, text, list, object.and(rule), values);
  }

  Shape with(List<JsonNode> only) {
    return new Shape(kinds, number, text, list, object, Values.both(values, only));
  }

  /// Returns the shape of the values that both allow.
  Shape and(Shape other) {
    Set<Kind> both = new LinkedHashSet<>(kinds);
    both.retainAll(other.kinds);
    return new Shape(
        both,
        number.and(other.number),
        text.and(other.text),
        list.and(other.list),
        object.and(other.object),
        other.values == null ? values : Values.both(values, other.values));
  }

  /// Returns the places of both: a value must be valid under all of them.
  static List<String> both(List<String> a, List<String> b) {
    Set<String> all = new LinkedHashSet<>(a);
    all.addAll(b);
    return List.copyOf(all);
  }

  /// The constraints of a schema on numbers. An integer is a multiple of 1.
  ///
  /// @param least lower bound, inclusive or exclusive; null: none
  /// @param most upper bound, inclusive or exclusive; null: none
  /// @param multiple every number is a multiple of it; null: any number
  record NumberRule(
      @Nullable BigDecimal least,
      boolean above,
      @Nullable BigDecimal most,
      boolean below,
      @Nullable BigDecimal multiple) {
    private static final int MOST_PLACES = 1000;
    static final NumberRule ANY = new NumberRule(null, false, null, false, null);

    static NumberRule least(BigDecimal bound, boolean above) {
      return new NumberRule(bound, above, null, false, null);
    }

    static NumberRule most(BigDecimal bound, boolean below) {
      return new NumberRule(null, false, bound, below, null);
    }

    static NumberRule multiple(BigDecimal of) {
      return new NumberRule(null, false, null, false, of);
    }

    /// Returns the rule for the numbers that both allow.
    NumberRule and(NumberRule other) {
      BigDecimal low = least;
      boolean open = above;
      if (other.least != null) {
        int order = low == null ? 1 : other.least.compareTo(low);
        low = order > 0 ? other.least : low;
        open = order > 0 ? other.above : order == 0 ? above || other.above : above;
      }
      BigDecimal high = most;
      boolean openHigh = below;
      if (other.most != null) {
        int order = high == null ? -1 : other.most.compareTo(high);
        high = order < 0 ? other.most : high;
        openHigh = order < 0 ? other.below : order == 0 ? below || other.below : below;
      }
      return new NumberRule(low, open, high, openHigh, common(multiple, other.multiple));
    }

    private static @Nullable BigDecimal common(@Nullable BigDecimal a, @Nullable BigDecimal b) {
      if (a == null || b == null) {
        return a == null ? b : a;
      }
      int scale = Math.max(0, Math.max(a.scale(), b.scale()));
      BigInteger left = a.setScale(scale).unscaledValue();
      BigInteger right = b.setScale(scale).unscaledValue();
      return new BigDecimal(left.divide(left.gcd(right)).multiply(right), scale);
    }

    private static boolean isMultiple(BigDecimal value, BigDecimal of) {
      return value.remainder(of).signum() == 0;
    }

    /// Whether a value is short enough to divide: dividing 1e10000000 would take minutes.
    private static boolean isShort(BigDecimal value) {
      return Math.abs((long) value.precision() - value.scale()) <= MOST_PLACES
          && value.precision() <= MOST_PLACES;
    }

    /// Whether a number is allowed; one of more than a thousand places counts as no multiple.
    boolean has(BigDecimal value) {
      boolean high = least == null || value.compareTo(least) >= (above ? 1 : 0);
      boolean low = most == null || value.compareTo(most) <= (below ? -1 : 0);
      return high && low && (multiple == null || isShort(value) && isMultiple(value, multiple));
    }
  }

  /// The constraints of a schema on strings.
  ///
  /// @param least fewest characters
  /// @param most most characters; below 0: no bound
  /// @param patterns patterns that the string must match, all of them
  record TextRule(int least, int most, List<Pattern> patterns) {
    /// A regular expression of a schema.
    ///
    /// @param search whether a match may be a part of the string
    /// @param pointer its place in the schema
    record Pattern(String expression, boolean search, String pointer) {
      CharNfa automaton() {
        return RegularExpressionParser.automaton(
            expression, search, "the schema at " + pointer + ": the pattern ");
      }
    }

    static final TextRule ANY = new TextRule(0, -1, List.of());

    /// Returns the rule for the strings that both allow.
    TextRule and(TextRule other) {
      int shorter = most < 0 ? other.most : other.most < 0 ? most : Math.min(most, other.most);
      Set<Pattern> all = new LinkedHashSet<>(patterns);
      all.addAll(other.patterns);
      return new TextRule(Math.max(least, other.least), shorter, List.copyOf(all));
    }

    /// Builds the automaton of the allowed strings.
    CharNfa automaton() {
      CharNfa made = null;
      for (Pattern pattern : patterns) {
        made = made == null ? pattern.automaton() : made.and(pattern.automaton());
      }
      boolean bound = least > 0 || most >= 0;
      if (made == null) {
        return CharNfa.length(least, most);
      }
      return bound ? made.and(CharNfa.length(least, most)) : made;
    }

    boolean has(String text) {
      int length = text.codePointCount(0, text.length());
      return length >= least
          && (most < 0 || length <= most)
          && patterns.stream().allMatch(p -> p.automaton().matches(text));
    }
  }

  /// The constraints of a schema on arrays. An item's schema is a list of places in the document:
  /// an item must be valid under all of them; an empty list allows anything.
  ///
  /// @param first schemas of the first items; an array may have fewer items
  /// @param rest schema of all further items
  /// @param least fewest items
  /// @param most most items; below 0: no bound
  record ListRule(List<List<String>> first, List<String> rest, int least, int most) {
    static final ListRule ANY = new ListRule(List.of(), List.of(), 0, -1);

    List<String> item(int i) {
      return i < first.size() ? first.get(i) : rest;
    }

    /// Returns the rule for the arrays that both allow.
    ListRule and(ListRule other) {
      List<List<String>> items = new ArrayList<>();
      for (int i = 0; i < Math.max(first.size(), other.first.size()); i++) {
        items.add(Shape.both(item(i), other.item(i)));
      }
      int shorter = most < 0 ? other.most : other.most < 0 ? most : Math.min(most, other.most);
      return new ListRule(
          items, Shape.both(rest, other.rest), Math.max(least, other.least), shorter);
    }
  }

  /// The constraints of a schema on objects. Schemas of values are as in [Shape.ListRule].
  ///
  /// @param properties by name, in the order in which they are written
  /// @param required names that must be present, also without a schema in `properties`
  /// @param others the schema of all other properties
  record ObjectRule(
      Map<String, List<String>> properties, Set<String> required, List<String> others) {
    static final ObjectRule ANY = new ObjectRule(Map.of(), Set.of(), List.of());

    List<String> property(String name) {
      return properties.getOrDefault(name, others);
    }

    /// Returns the names in the order of writing: those with a schema, then other required ones.
    Set<String> names() {
      Set<String> names = new LinkedHashSet<>(properties.keySet());
      names.addAll(required);
      return names;
    }

    /// Returns the rule for the objects that both allow.
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
}
